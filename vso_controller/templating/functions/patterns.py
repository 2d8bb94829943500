"""Regular expressions by RE2, matched and replaced in the order in which Go does.

RE2 and Go's package regexp share their syntax and their promise of linear time.
What the one takes and the other does not is refused here, and what differs is when
an empty match counts: never right after another match.
Source: the documentation of Go's package regexp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from vso_controller.foundation import regexes
from vso_controller.foundation.regexes import InvalidPattern
from vso_controller.templating.functions import letters
from vso_controller.templating.functions.ambiguity import places
from vso_controller.templating.values import raw

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ANY_BYTE = re.compile(r"\\Q.*?(?:\\E|$)|\\[^C]|(\\C)", re.DOTALL)
_CACHED = 16
_NOT_ASCII = 0x80
_LARGEST_GROUP = 100_000_000


@dataclass(frozen=True, slots=True)
class Match:
    """Where the whole match and each group begin and end; -1: it took no part."""

    spans: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """Where the match begins."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """Where the match ends."""
        return self.spans[0][1]

    def size(self, number: int) -> int:
        """Return how many bytes a group matched: none, if there is no such group."""
        if number >= len(self.spans):
            return 0
        start, end = self.spans[number]
        return end - start

    def group(self, data: bytes, number: int) -> bytes:
        """Return what a group matched: nothing, if there is no such group."""
        if number >= len(self.spans):
            return b""
        start, end = self.spans[number]
        return data[start:end] if start >= 0 else b""


class Pattern:
    """A compiled pattern."""

    def __init__(self, pattern: str) -> None:
        if any(found[1] for found in _ANY_BYTE.finditer(pattern)):
            raise InvalidPattern("invalid escape sequence")
        try:
            self._compiled = regexes.compiled(raw(pattern))
        except InvalidPattern as error:
            # Without the piece of the pattern that it quotes.
            raise InvalidPattern(str(error).partition(":")[0]) from None
        self.places = places(pattern)
        self._groups = range(self._compiled.groups + 1)

    @property
    def names(self) -> dict[bytes, int]:
        """The named groups, and their numbers."""
        return dict(self._compiled.groupindex)

    def search(self, data: bytes, start: int = 0) -> Match | None:
        """Return the first match that begins at `start` or later."""
        found = self._compiled.search(data, start)
        if found is None:
            return None
        return Match(tuple(found.span(each) for each in self._groups))

    def matches(self, data: bytes) -> Iterator[Match]:
        """Return the matches that `FindAll` finds, one after another."""
        at, previous = 0, -1
        while at <= len(data):
            match = self.search(data, at)
            if match is None:
                return
            if match.end > at:
                at = match.end
                yield match
            else:
                if match.start != previous:
                    yield match
                at += _width(data, at)
            previous = match.end

    def replacements(self, data: bytes) -> Iterator[Match]:
        """Return the matches that `ReplaceAll` sees, one after another."""
        at = 0
        while at <= len(data):
            match = self.search(data, at)
            if match is None:
                return
            yield match
            at = max(at + _width(data, at), match.end)


@lru_cache(_CACHED)
def compiled(pattern: str) -> Pattern:
    """Compile a pattern. Raises InvalidPattern, which tells what is wrong with it."""
    return Pattern(pattern)


def quote_meta(text: str) -> str:
    """Return a pattern that matches `text` and nothing else."""
    return _SPECIAL.sub(r"\\\g<0>", text)


class Replacement:
    """What takes the place of a match: text with `$1`, `${name}` and `$$` in it.

    A group that is not there, or took no part, is replaced by nothing.
    """

    def __init__(self, template: str, names: dict[bytes, int]) -> None:
        self._parts = tuple(_parts(template, names))

    @classmethod
    def literal(cls, text: str) -> Replacement:
        """Return one in which a dollar sign is a dollar sign."""
        return cls(text.replace("$", "$$"), {})

    def size(self, match: Match) -> int:
        """Return how many bytes take the place of a match."""
        return sum(
            match.size(each) if isinstance(each, int) else len(each)
            for each in self._parts
        )

    def of(self, data: bytes, match: Match) -> bytes:
        """Return what takes the place of a match in `data`."""
        return b"".join(
            match.group(data, each) if isinstance(each, int) else each
            for each in self._parts
        )


def _parts(template: str, names: dict[bytes, int]) -> Iterator[bytes | int]:
    rest = template
    while rest:
        literal, dollar, rest = rest.partition("$")
        yield raw(literal)
        if dollar:
            group, rest = _reference(rest, names)
            yield group


def _reference(text: str, names: dict[bytes, int]) -> tuple[bytes | int, str]:
    """Read what follows a dollar sign: a literal dollar sign, or a group."""
    if text.startswith("$"):
        return b"$", text[1:]
    braced = text.startswith("{")
    start = 1 if braced else 0
    end = start
    while end < len(text) and _in_name(text[end]):
        end += 1
    if end == start or (braced and text[end : end + 1] != "}"):
        return b"$", text
    return _group(text[start:end], names), text[end + 1 if braced else end :]


def _group(name: str, names: dict[bytes, int]) -> bytes | int:
    numeric = name.isascii() and name.isdigit() and (name[0] != "0" or name == "0")
    if numeric and len(name) <= len(str(_LARGEST_GROUP)):
        return int(name)
    return names.get(raw(name), b"")


def _in_name(letter: str) -> bool:
    return letter == "_" or letters.is_letter(letter) or letters.is_digit(letter)


def _width(data: bytes, at: int) -> int:
    """Return how many bytes the letter at `at` has; 1 for what is no UTF-8."""
    if at >= len(data) or data[at] < _NOT_ASCII:
        return 1
    for width in (2, 3, 4):
        try:
            data[at : at + width].decode()
        except UnicodeDecodeError:
            continue
        return width
    return 1
