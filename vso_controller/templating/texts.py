"""A template as somebody wrote it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A name and a text; delimiters "" are the usual ones of the language."""

    name: str
    text: str
    left: str = ""
    right: str = ""
