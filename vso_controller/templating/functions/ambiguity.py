"""How many places of a pattern RE2 may have to keep in mind at once.

RE2 takes linear time in what it searches, but not the same time for each pattern.
Where few places can match together it goes through a table, a nanosecond or two a
byte. Where many can, the table outgrows its memory, and each byte costs a visit to
each of them. What makes places overlap are classes, alternatives and repetitions;
letters that stand for themselves do it when there are very many.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import NamedTuple

_TOKENS = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|$)|\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\(?P<escaped>.)"
    r"|(?P<class>\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\])"
    r"|\{(?P<least>[0-9]+)(?:,(?P<most>[0-9]*))?\}|(?P<sign>[().|*+?])|(?P<letter>.)",
    re.DOTALL,
)
_CLASSES = frozenset("dDwWsSpPC")
_LARGEST = 1_000_000
"""From here on it makes no difference."""
_FEW = 11
"""So many places that overlap have a table that fits."""
_LONG = 512
"""So many letters that stand for themselves have one, too."""


class _Weight(NamedTuple):
    """Places that overlap others, and letters that stand for themselves."""

    overlapping: int = 0
    letters: int = 0

    def plus(self, other: _Weight) -> _Weight:
        return _Weight(
            *(min(a + b, _LARGEST) for a, b in zip(self, other, strict=True))
        )

    def times(self, count: int) -> _Weight:
        return _Weight(*(min(each * count, _LARGEST) for each in self))


def places(pattern: str) -> int:
    """Return how many places may overlap; 1 where a table will do."""
    overlapping, letters = _weighed(pattern)
    many = overlapping if overlapping > _FEW else 0
    return max(1, many + (letters if letters > _LONG else 0))


def _weighed(pattern: str) -> _Weight:
    groups: list[_Weight] = []
    total = last = _Weight()  # of what is open, and of what may be repeated
    for token in _TOKENS.finditer(pattern):
        if token["sign"] == "(":
            groups.append(total.plus(last))
            total = last = _Weight()
        elif token["sign"] == ")":
            last = total.plus(last)
            total = groups.pop() if groups else _Weight()
        elif token["least"]:
            last = last.times(max(1, int((token["most"] or token["least"])[:4])))
        else:
            total, last = total.plus(last), _weight(token)
    return reduce(_Weight.plus, [*groups, last], total)


def _weight(token: re.Match[str]) -> _Weight:
    if token["quoted"] or token["letter"]:
        return _Weight(letters=len(token["quoted"] or token["letter"]))
    escaped = token["escaped"]
    is_class = escaped in _CLASSES if escaped else not token[0].startswith(r"\x")
    return _Weight(overlapping=1) if is_class else _Weight(letters=1)
