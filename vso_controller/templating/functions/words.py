"""Where the words of a name begin and end, for `snakecase` and its siblings.

Sprig takes its case functions from huandu/xstrings; what is a word is that
library's rule: `HTTPServer` is two words, `userIDs` three, `http2xx` two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from vso_controller.templating.functions import letters


class Kind(Enum):
    """What a word is made of."""

    CONNECTOR = "connector"
    PUNCTUATION = "punctuation"
    UPPER = "upper"
    LETTERS = "letters"
    NUMBER = "number"
    OTHER = "other"
    END = "end"


@dataclass(frozen=True, slots=True)
class Word:
    """A word and what it is made of."""

    kind: Kind
    text: str


_END = Word(Kind.END, "")
_SHAPES = re.compile(
    r"(?P<connector>[ds]+)|(?P<punctuation>p[pd]*)|(?P<upper>ua+|u+(?=ua)|u+)"
    r"|(?P<letters>a+)|(?P<number>n+)|(?P<other>o+)"
)
"""Words, in a text of one shape a letter: see `_shape`."""
_UNITS = re.compile("[\ufffd\udc80-\udcff]*[^\ufffd\udc80-\udcff]")
_BROKEN = "\ufffd" + "".join(map(chr, range(0xDC80, 0xDD00)))
_IDEOGRAPHS = (range(0x4E00, 0x9FCD), range(0x3400, 0x4D86), range(0x20000, 0x2B81E))
_SILENT = (Kind.END, Kind.CONNECTOR, Kind.PUNCTUATION)
"""Before these no connector is put."""


def is_connector(letter: str) -> bool:
    """Say whether a code point stands between words."""
    return letter in "-_" or letters.is_space(letter)


def delimited(text: str, connector: str) -> str:
    """Return the words of `text` in lower case, with `connector` between them."""
    return _Joiner([*_words(text)], connector).join()


def pascal(text: str) -> str:
    """Return the words of `text` without connectors, each with a capital.

    Connectors at the beginning stay, and so does all but one between words.
    """
    runes = letters.runes(text)
    start = next((at for at, each in enumerate(runes) if not is_connector(each)), -1)
    if start < 0:
        return runes + runes[-1:]
    parts = [runes[:start]]
    previous = letters.to_upper(runes[start])
    capitals = letters.is_upper(runes[start])
    for rune in runes[start + 1 :]:
        if not is_connector(previous):
            parts.append(previous)
            capitals = capitals and letters.is_upper(rune)
            previous = letters.to_lower(rune) if capitals else rune
        elif is_connector(rune):
            parts.append(previous)
            previous = rune
        else:
            capitals = letters.is_upper(rune)
            previous = letters.to_upper(rune)
    return "".join(parts) + previous


@dataclass(slots=True)
class _Joiner:
    """Puts words together, and numbers with the words that they belong to."""

    words: list[Word]
    connector: str
    at: int = 0
    parts: list[str] = field(default_factory=list)

    def join(self) -> str:
        while self.at < len(self.words) - 1:
            kind = self._word.kind
            self._take()
            if kind is Kind.NUMBER:
                self._take_tail()
            elif kind not in _SILENT:
                self._follow_letters()
        self._take()
        return "".join(self.parts)

    @property
    def _word(self) -> Word:
        return self.words[self.at] if self.at < len(self.words) else _END

    def _take(self) -> None:
        word = self._word
        self.at += 1
        if word.kind is Kind.UPPER:
            self.parts.append("".join(map(_lowered, letters.runes(word.text))))
        elif word.kind is Kind.CONNECTOR:
            text = letters.runes(word.text)
            self.parts.extend(self.connector if is_connector(c) else c for c in text)
        else:
            self.parts.append(word.text)

    def _take_tail(self) -> None:
        """Take what sticks to a number: `2xx`, `3rd`."""
        while self._word.kind in {Kind.LETTERS, Kind.NUMBER}:
            self._take()
        self._connect()

    def _follow_letters(self) -> None:
        """Decide whether a number belongs to the letters before it or after it."""
        if self._word.kind is not Kind.NUMBER:
            self._connect()
        elif self.at + 1 == len(self.words):
            return
        elif self.words[self.at + 1].kind is Kind.LETTERS:
            self.parts.append(self.connector)
            self._take()
            self._take_tail()
        else:
            self._take()
            self._connect()

    def _connect(self) -> None:
        if self._word.kind not in _SILENT:
            self.parts.append(self.connector)


def _lowered(letter: str) -> str:
    return letters.to_lower(letter) if letters.is_upper(letter) else letter


def _words(text: str) -> Iterator[Word]:
    # A byte that is no UTF-8 goes with the letter behind it, the last with the one
    # before them.
    units = _UNITS.findall(text)
    if not units:
        yield Word(Kind.OTHER, text)
        return
    units[-1] += text[len(text.rstrip(_BROKEN)) :]
    shapes = "".join(_shape(unit.lstrip(_BROKEN)[0]) for unit in units)
    for found in _SHAPES.finditer(shapes):
        kind = Kind(found.lastgroup)
        yield Word(kind, "".join(units[found.start() : found.end()]))


def _shape(letter: str) -> str:
    """Return d for a dash, s: space, p: punctuation, u: upper, a: letter, n, o."""
    if is_connector(letter):
        return "d" if letter in "-_" else "s"
    if letters.is_punctuation(letter):
        return "p"
    if letters.is_upper(letter):
        return "u"
    if _is_alphabetic(letter):
        return "a"
    return "n" if letters.is_number(letter) else "o"


def _is_alphabetic(letter: str) -> bool:
    code = ord(letter)
    return letters.is_letter(letter) and all(code not in each for each in _IDEOGRAPHS)
