"""Layouts, the example times by which Go says how a time is written.

`2006-01-02T15:04:05Z07:00` is one: each piece of it names a part of the reference
time, Monday 2 January 2006, 15:04:05 in a zone 7 hours west; all else is literal.
Source: the documentation of Go's package time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Part(Enum):
    """What a piece of a layout stands for."""

    LITERAL = "literal"
    YEAR = "2006"
    SHORT_YEAR = "06"
    MONTH_NAME = "January"
    SHORT_MONTH_NAME = "Jan"
    MONTH = "1"
    PADDED_MONTH = "01"
    WEEKDAY_NAME = "Monday"
    SHORT_WEEKDAY_NAME = "Mon"
    DAY = "2"
    SPACED_DAY = "_2"
    PADDED_DAY = "02"
    SPACED_YEAR_DAY = "__2"
    PADDED_YEAR_DAY = "002"
    HOUR = "15"
    HOUR_12 = "3"
    PADDED_HOUR_12 = "03"
    MINUTE = "4"
    PADDED_MINUTE = "04"
    SECOND = "5"
    PADDED_SECOND = "05"
    UPPER_NOON = "PM"
    LOWER_NOON = "pm"
    ZONE_NAME = "MST"
    ZONE_OFFSET = "-0700"
    FRACTION = ".000"
    TRIMMED_FRACTION = ".999"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a layout, and its text there."""

    part: Part
    text: str


_CACHED = 256
_PIECES = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST"
    r"|0[1-6]|002|15|1|2006|_(?=2006)|__2|_2|2|3|4|5|PM|pm"
    r"|[-Z](?:070000|07:00:00|0700|07:00|07)"
    r"|[.,](?:0+|9+)(?![0-9])"
)
_BY_TEXT = {each.value: each for each in Part if each is not Part.LITERAL} | {
    "_": Part.LITERAL
}


@lru_cache(_CACHED)
def pieces(layout: str) -> tuple[Piece, ...]:
    """Return the pieces of a layout, in order; literals lie between them."""
    return tuple(_pieces(layout))


def _pieces(layout: str) -> Iterator[Piece]:
    end = 0
    for found in _PIECES.finditer(layout):
        if found.start() > end:
            yield Piece(Part.LITERAL, layout[end : found.start()])
        yield Piece(_part(found[0]), found[0])
        end = found.end()
    if end < len(layout):
        yield Piece(Part.LITERAL, layout[end:])


def _part(text: str) -> Part:
    if text[0] in ".,":
        return Part.FRACTION if text[1] == "0" else Part.TRIMMED_FRACTION
    if text[0] in "-Z":
        return Part.ZONE_OFFSET
    return _BY_TEXT[text]
