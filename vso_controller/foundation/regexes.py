"""Regular expressions of users, in RE2's syntax: they match in linear time.

Whatever the expression and the text, a match takes time in proportion to both, so
nobody can make the program think for ever. This is the only place that knows RE2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import AnyStr, Protocol, TypeVar

import re2  # type: ignore[import-untyped]

_MEMORY = 2 * 1024 * 1024
"""Bytes that one compiled expression may take."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # what cannot be read is told in conditions
_OPTIONS.max_mem = _MEMORY


class InvalidPattern(ValueError):
    """What should be an expression is none; says why, and may quote it."""


Text_co = TypeVar("Text_co", str, bytes, covariant=True)


class Found(Protocol[Text_co]):
    """One match: where it is, and what it matched."""

    def span(self, group: int = 0, /) -> tuple[int, int]: ...
    def __getitem__(self, group: int, /) -> Text_co: ...


class Expression(Protocol[AnyStr]):
    """One expression, compiled."""

    @property
    def groups(self) -> int: ...
    @property
    def groupindex(self) -> Mapping[AnyStr, int]: ...
    def search(self, text: AnyStr, start: int = 0, /) -> Found[AnyStr] | None: ...
    def fullmatch(self, text: AnyStr, /) -> Found[AnyStr] | None: ...
    def finditer(self, text: AnyStr, /) -> Iterator[Found[AnyStr]]: ...


def compiled(pattern: AnyStr) -> Expression[AnyStr]:
    """Compile an expression, for texts or for bytes. Raises InvalidPattern."""
    try:
        expression: Expression[AnyStr] = re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        raise InvalidPattern(_reason(error)) from None
    # Its cache would keep what ours have dropped.
    re2.purge()
    return expression


def _reason(error: Exception) -> str:
    told = error.args[0] if error.args else b""
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told)


class Pattern:
    """One expression, ready to be looked for."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Raise InvalidPattern if `text` is no expression."""
        self.text = text
        self._compiled = compiled(text.encode())

    def is_found_in(self, text: str) -> bool:
        """Tell whether any part of `text` matches."""
        return self._compiled.search(text.encode()) is not None


@lru_cache(maxsize=250)
def compile_pattern(text: str) -> Pattern:
    """Return the expression. Raises InvalidPattern, with the reason, if it is none."""
    return Pattern(text)
