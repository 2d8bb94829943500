"""Reading a time that was written by a layout, as Go's `time.ParseInLocation`.

The zone of the place is UTC. What cannot be read raises ValueError, which says
which piece of the layout did not fit and nothing of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from vso_controller.templating.functions import days
from vso_controller.templating.functions.layouts import Part, Piece, pieces
from vso_controller.templating.functions.moments import LOCAL, UTC, Moment, Zone, moment

_FRACTION = re.compile(r"[.,]([0-9]+)")
_ZONE_NAME = re.compile(
    r"ChST|MeST|GMT(?:[+-][0-9]+)?|[+-][0-9]+|[A-Z]{4}T(?![A-Z])|(?:[A-Z]{3}T|WITA)"
    r"(?![A-Z])|[A-Z]{3}(?![A-Z])"
)
_MOST_OFFSET_HOURS = 23
_PIVOT = 69
"""Years of two digits from here on are of the 20th century."""


@dataclass(slots=True)
class _Fields:
    """What has been read so far; None and -1: not named by the layout."""

    year: int = 0
    month: int = -1
    day: int = -1
    year_day: int = -1
    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: int = 0
    afternoon: bool | None = None
    utc: bool = False
    offset: int | None = None
    zone_name: str = ""


class _Misfit(ValueError):
    """The text does not fit the layout."""


def parse(layout: str, text: str) -> Moment:
    """Read `text` by `layout`. Raises ValueError."""
    fields = _Fields()
    rest = text
    parts = pieces(layout)
    for at, piece in enumerate(parts):
        if piece.part is Part.LITERAL:
            rest = _skip(rest, piece.text)
            continue
        rest = _read(fields, piece, rest)
        if piece.part in {Part.SECOND, Part.PADDED_SECOND}:
            rest = _read_unasked_fraction(fields, parts[at + 1 :], rest)
    if rest:
        raise _Misfit("there is more text than the layout has")
    return _moment(fields)


def _skip(text: str, literal: str) -> str:
    """Return `text` behind a literal, in which a space stands for any number."""
    while literal:
        if literal[0] == " ":
            if text and text[0] != " ":
                raise _Misfit("a space of the layout is not there")
            literal, text = literal.lstrip(" "), text.lstrip(" ")
            continue
        if text[:1] != literal[0]:
            raise _Misfit("a literal part of the layout is not there")
        literal, text = literal[1:], text[1:]
    return text


def _read(fields: _Fields, piece: Piece, text: str) -> str:
    """Read one piece from the start of `text` and return what is behind it."""
    try:
        return _READERS[piece.part](fields, text, piece)
    except _Misfit as error:
        raise _Misfit(f"{error}, where the layout has {piece.text!r}") from None


def _read_unasked_fraction(
    fields: _Fields, following: tuple[Piece, ...], text: str
) -> str:
    """Read a fraction of a second which the layout does not mention next."""
    asked = next(
        (each.part for each in following if each.part is not Part.LITERAL), None
    )
    if asked in {Part.FRACTION, Part.TRIMMED_FRACTION}:
        return text
    return _read_any_fraction(fields, text, following)


def _number(text: str, *, width: int, fixed: bool) -> tuple[int, str]:
    """Return the number of at most `width` digits at the start of `text`."""
    digits = text[:width]
    while digits and not (digits.isascii() and digits.isdigit()):
        digits = digits[:-1]
    if not digits or (fixed and len(digits) < width):
        raise _Misfit("there is no such number")
    return int(digits), text[len(digits) :]


def _name(text: str, names: tuple[str, ...], *, length: int | None) -> tuple[int, str]:
    for at, name in enumerate(names):
        short = name[:length]
        if text[: len(short)].lower() == short.lower():
            return at, text[len(short) :]
    raise _Misfit("there is no such name")


def _within(number: int, least: int, most: int, what: str) -> int:
    if not least <= number <= most:
        raise _Misfit(f"{what} out of range")
    return number


def _read_year(fields: _Fields, text: str, _piece: Piece) -> str:
    fields.year, rest = _number(text, width=4, fixed=True)
    return rest


def _read_short_year(fields: _Fields, text: str, _piece: Piece) -> str:
    year, rest = _number(text, width=2, fixed=True)
    fields.year = year + (1900 if year >= _PIVOT else 2000)
    return rest


def _read_month_name(fields: _Fields, text: str, piece: Piece) -> str:
    length = 3 if piece.part is Part.SHORT_MONTH_NAME else None
    month, rest = _name(text, days.MONTHS, length=length)
    fields.month = month + 1
    return rest


def _read_weekday_name(_fields: _Fields, text: str, piece: Piece) -> str:
    length = 3 if piece.part is Part.SHORT_WEEKDAY_NAME else None
    return _name(text, days.WEEKDAYS, length=length)[1]


def _read_month(fields: _Fields, text: str, piece: Piece) -> str:
    month, rest = _number(text, width=2, fixed=piece.part is Part.PADDED_MONTH)
    fields.month = _within(month, 1, 12, "month")
    return rest


def _read_day(fields: _Fields, text: str, piece: Piece) -> str:
    if piece.part is Part.SPACED_DAY:
        text = text.removeprefix(" ")
    fields.day, rest = _number(text, width=2, fixed=piece.part is Part.PADDED_DAY)
    return rest


def _read_year_day(fields: _Fields, text: str, piece: Piece) -> str:
    fixed = piece.part is Part.PADDED_YEAR_DAY
    if not fixed:
        text = text.removeprefix(" ").removeprefix(" ")
    fields.year_day, rest = _number(text, width=3, fixed=fixed)
    return rest


def _read_hour(fields: _Fields, text: str, piece: Piece) -> str:
    fixed = piece.part is Part.PADDED_HOUR_12
    hour, rest = _number(text, width=2, fixed=fixed)
    fields.hour = _within(hour, 0, 23 if piece.part is Part.HOUR else 12, "hour")
    return rest


def _read_minute(fields: _Fields, text: str, piece: Piece) -> str:
    minute, rest = _number(text, width=2, fixed=piece.part is Part.PADDED_MINUTE)
    fields.minute = _within(minute, 0, 59, "minute")
    return rest


def _read_second(fields: _Fields, text: str, piece: Piece) -> str:
    second, rest = _number(text, width=2, fixed=piece.part is Part.PADDED_SECOND)
    fields.second = _within(second, 0, 59, "second")
    return rest


def _read_noon(fields: _Fields, text: str, piece: Piece) -> str:
    written = text[:2] if piece.part is Part.UPPER_NOON else text[:2].swapcase()
    if written not in {"AM", "PM"}:
        raise _Misfit("there is neither AM nor PM")
    fields.afternoon = written == "PM"
    return text[2:]


def _read_fraction(fields: _Fields, text: str, piece: Piece) -> str:
    length = len(piece.text)
    found = _FRACTION.fullmatch(text[:length])
    if found is None or len(text) < length:
        raise _Misfit("there are not as many digits")
    _set_fraction(fields, found[1])
    return text[length:]


def _read_any_fraction(fields: _Fields, text: str, _piece: object) -> str:
    found = _FRACTION.match(text)
    if found is None:
        return text
    _set_fraction(fields, found[1])
    return text[found.end() :]


def _set_fraction(fields: _Fields, digits: str) -> None:
    fields.fraction = int(digits[:9].ljust(9, "0"))


def _read_zone_offset(fields: _Fields, text: str, piece: Piece) -> str:
    if piece.text[0] == "Z" and text[:1] == "Z":
        fields.utc = True
        return text[1:]
    found = _offset_pattern(piece.text).match(text)
    if found is None:
        raise _Misfit("there is no such offset")
    hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    _within(hours, 0, 24, "time zone offset hour")
    _within(minutes, 0, 60, "time zone offset minute")
    _within(seconds, 0, 60, "time zone offset second")
    offset = (hours * 60 + minutes) * 60 + seconds
    fields.offset = -offset if found[1] == "-" else offset
    return text[found.end() :]


@lru_cache
def _offset_pattern(layout: str) -> re.Pattern[str]:
    colon = ":" if ":" in layout else ""
    digits = sum(each.isdigit() for each in layout)
    minutes = f"{colon}([0-9]{{2}})" if digits > len("hh") else "()"
    seconds = f"{colon}([0-9]{{2}})" if digits > len("hhmm") else "()"
    return re.compile(f"([+-])([0-9]{{2}}){minutes}{seconds}")


def _read_zone_name(fields: _Fields, text: str, _piece: Piece) -> str:
    if text.startswith("UTC"):
        fields.utc = True
        return text[3:]
    found = _ZONE_NAME.match(text)
    if found is None or int(_signed(found[0]) or 0) > _MOST_OFFSET_HOURS:
        raise _Misfit("there is no such zone")
    fields.zone_name = found[0]
    return text[found.end() :]


def _signed(name: str) -> str:
    """Return the digits of `GMT+3` and `-03`."""
    return name.removeprefix("GMT")[1:][:3] if name[0] in "G+-" else ""


_READERS: dict[Part, Callable[[_Fields, str, Piece], str]] = {
    Part.YEAR: _read_year,
    Part.SHORT_YEAR: _read_short_year,
    Part.MONTH_NAME: _read_month_name,
    Part.SHORT_MONTH_NAME: _read_month_name,
    Part.MONTH: _read_month,
    Part.PADDED_MONTH: _read_month,
    Part.WEEKDAY_NAME: _read_weekday_name,
    Part.SHORT_WEEKDAY_NAME: _read_weekday_name,
    Part.DAY: _read_day,
    Part.SPACED_DAY: _read_day,
    Part.PADDED_DAY: _read_day,
    Part.SPACED_YEAR_DAY: _read_year_day,
    Part.PADDED_YEAR_DAY: _read_year_day,
    Part.HOUR: _read_hour,
    Part.HOUR_12: _read_hour,
    Part.PADDED_HOUR_12: _read_hour,
    Part.MINUTE: _read_minute,
    Part.PADDED_MINUTE: _read_minute,
    Part.SECOND: _read_second,
    Part.PADDED_SECOND: _read_second,
    Part.UPPER_NOON: _read_noon,
    Part.LOWER_NOON: _read_noon,
    Part.ZONE_NAME: _read_zone_name,
    Part.ZONE_OFFSET: _read_zone_offset,
    Part.FRACTION: _read_fraction,
    Part.TRIMMED_FRACTION: _read_any_fraction,
}


def _moment(fields: _Fields) -> Moment:
    _settle_day(fields)
    hour = fields.hour
    if fields.afternoon is not None:
        hour = hour % 12 + 12 if fields.afternoon and hour <= days.NOON else hour
        hour = 0 if fields.afternoon is False and hour == days.NOON else hour
    date = fields.year, fields.month, fields.day
    clock = hour, fields.minute, fields.second
    return moment(date, clock, fields.fraction, _zone(fields))


def _settle_day(fields: _Fields) -> None:
    """Fill in month and day, from the day of the year where there is one."""
    if fields.year_day >= 0:
        _settle_year_day(fields)
    fields.month = 1 if fields.month < 0 else fields.month
    fields.day = 1 if fields.day < 0 else fields.day
    _within(fields.day, 1, days.days_in(fields.year, fields.month), "day")


def _settle_year_day(fields: _Fields) -> None:
    first = days.to_days(fields.year, 1, 1)
    length = 366 if days.is_leap(fields.year) else 365
    nth = first + _within(fields.year_day, 1, length, "day of the year") - 1
    _, month, day = days.to_date(nth)
    if fields.month not in {-1, month} or fields.day not in {-1, day}:
        raise _Misfit("the day of the year is another one than month and day say")
    fields.month, fields.day = month, day


def _zone(fields: _Fields) -> Zone:
    if fields.utc:
        return UTC
    if fields.offset is not None:
        same = fields.offset == 0 and fields.zone_name in {"", LOCAL.name}
        return LOCAL if same else Zone(fields.zone_name, fields.offset)
    if fields.zone_name in {"", LOCAL.name}:
        return LOCAL
    return Zone(fields.zone_name, _hours_of(fields.zone_name) * 3600)


def _hours_of(zone_name: str) -> int:
    """Return the hours of `GMT+3`; all other names Go knows nothing about."""
    found = re.fullmatch(r"GMT([+-][0-9]+)", zone_name)
    return int(found[1]) if found else 0
