"""Regular expressions of users, in RE2's syntax: they match in linear time.

Whatever the expression and the text, a match takes time in proportion to both, so
nobody can make the program think for ever.
"""

from __future__ import annotations

from functools import lru_cache

import re2  # type: ignore[import-untyped]

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # what cannot be read is told in conditions


class Pattern:
    """One expression, ready to be looked for."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Raise ValueError, with the reason, if `text` is no expression."""
        self.text = text
        try:
            self._compiled = re2.compile(text.encode(), _OPTIONS)
        except re2.error as error:
            raise ValueError(error.args[0].decode(errors="replace")) from error

    def is_found_in(self, text: str) -> bool:
        """Tell whether any part of `text` matches."""
        return self._compiled.search(text.encode()) is not None


@lru_cache(maxsize=250)
def compile_pattern(text: str) -> Pattern:
    """Return the expression. Raises ValueError, with the reason, if it is none."""
    return Pattern(text)
