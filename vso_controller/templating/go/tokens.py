"""The tokens of a template, and where each of them is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum, auto

from vso_controller.templating.errors import ParseError, Position
from vso_controller.templating.values import raw


class TokenKind(Enum):
    """What a token is."""

    TEXT = auto()
    LEFT_DELIMITER = auto()
    RIGHT_DELIMITER = auto()
    SPACE = auto()
    ASSIGN = auto()
    DECLARE = auto()
    PIPE = auto()
    CHARACTER = auto()
    """Punctuation that means something in some places, as the comma does."""
    LEFT_PARENTHESIS = auto()
    RIGHT_PARENTHESIS = auto()
    STRING = auto()
    RAW_STRING = auto()
    RUNE = auto()
    NUMBER = auto()
    COMPLEX = auto()
    BOOL = auto()
    NIL = auto()
    DOT = auto()
    FIELD = auto()
    VARIABLE = auto()
    IDENTIFIER = auto()
    KEYWORD = auto()
    END = auto()
    """There is no more."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is written, and where it begins: characters from the start."""

    kind: TokenKind
    text: str
    start: int

    def is_keyword(self, *words: str) -> bool:
        """Whether it is one of these keywords."""
        return self.kind is TokenKind.KEYWORD and self.text in words

    def __str__(self) -> str:
        return "the end" if self.kind is TokenKind.END else self.kind.name.lower()


class Source:
    """The text of one template, which knows its lines."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._lines: list[int] | None = None

    def at(self, start: int) -> Position:
        """Return where a character is."""
        if self._lines is None:
            breaks = (n for n, letter in enumerate(self.text) if letter == "\n")
            self._lines = [0, *(each + 1 for each in breaks)]
        line = bisect_right(self._lines, start)
        before = self.text[self._lines[line - 1] : start]
        return Position(self.name, line, len(raw(before)) + 1)

    def error(self, what: str, start: int) -> ParseError:
        """Return the error that something is wrong at a character."""
        return ParseError(what, at=self.at(start))
