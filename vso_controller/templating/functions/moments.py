"""Moments: what Go calls `time.Time`, counted in nanoseconds and shown in a zone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vso_controller.templating.functions import days
from vso_controller.templating.functions.layouts import Part, Piece, pieces

SECOND = 1_000_000_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: what it is called, and how many seconds it is ahead of UTC."""

    name: str
    offset: int
    variable: str = ""
    """The variable of Go's package `time` that holds it, if one does."""


UTC = Zone("UTC", 0, "time.UTC")
LOCAL = Zone("UTC", 0, "time.Local")
"""The zone of this process: UTC always, but Go tells the two apart."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Nanoseconds since 1970, and the zone in which they are shown."""

    nanoseconds: int
    zone: Zone

    @property
    def date(self) -> tuple[int, int, int]:
        """Year, month and day."""
        return days.to_date(self._local // days.DAY)

    @property
    def clock(self) -> tuple[int, int, int]:
        """Hour, minute and second."""
        minutes, second = divmod(self._local % days.DAY, 60)
        return *divmod(minutes, 60), second

    @property
    def fraction(self) -> int:
        """Nanoseconds within the second."""
        return self.nanoseconds % SECOND

    @property
    def weekday(self) -> int:
        """Day of the week; Sunday is 0."""
        return days.weekday(self._local // days.DAY)

    @property
    def year_day(self) -> int:
        """Day of the year; 1 January is 1."""
        first = days.to_days(self.date[0], 1, 1)
        return self._local // days.DAY - first + 1

    def later(self, nanoseconds: int) -> Moment:
        """Return the moment so much later."""
        return replace(self, nanoseconds=self.nanoseconds + nanoseconds)

    def shown_in(self, zone: Zone) -> Moment:
        """Return the same moment, shown in another zone."""
        return replace(self, zone=zone)

    @property
    def _local(self) -> int:
        return self.nanoseconds // SECOND + self.zone.offset


def moment(
    date: tuple[int, int, int], clock: tuple[int, int, int], fraction: int, zone: Zone
) -> Moment:
    """Return the moment of a date and time in a zone; parts may be out of range."""
    hour, minute, second = clock
    seconds = days.to_days(*date) * days.DAY
    seconds += hour * 3600 + minute * 60 + second - zone.offset
    return Moment(seconds * SECOND + fraction, zone)


def formatted(shown: Moment, layout: str) -> str:
    """Write a moment as `layout` says."""
    return "".join(_written(shown, piece) for piece in pieces(layout))


def _written(shown: Moment, piece: Piece) -> str:
    part = piece.part
    if part is Part.LITERAL:
        return piece.text
    if part in {Part.FRACTION, Part.TRIMMED_FRACTION}:
        return _fraction(shown.fraction, piece)
    if part is Part.ZONE_OFFSET:
        return _offset(shown.zone.offset, piece.text)
    if part is Part.ZONE_NAME:
        return shown.zone.name or _offset(shown.zone.offset, "-0700")
    return _date_part(shown, part) or _clock_part(shown, part)


def _date_part(shown: Moment, part: Part) -> str:
    year, month, _ = shown.date
    match part:
        case Part.YEAR:
            return f"{'-' if year < 0 else ''}{abs(year):04}"
        case Part.SHORT_YEAR:
            return f"{abs(year) % 100:02}"
        case Part.MONTH_NAME | Part.SHORT_MONTH_NAME:
            return days.MONTHS[month - 1][: _name_length(part)]
        case Part.WEEKDAY_NAME | Part.SHORT_WEEKDAY_NAME:
            return days.WEEKDAYS[shown.weekday][: _name_length(part)]
        case Part.MONTH | Part.PADDED_MONTH:
            return _padded(month, part)
        case _:
            return _day_part(shown, part)


def _day_part(shown: Moment, part: Part) -> str:
    match part:
        case Part.DAY | Part.SPACED_DAY | Part.PADDED_DAY:
            return _padded(shown.date[2], part)
        case Part.SPACED_YEAR_DAY | Part.PADDED_YEAR_DAY:
            return _padded(shown.year_day, part)
        case _:
            return ""


def _clock_part(shown: Moment, part: Part) -> str:
    hour, minute, second = shown.clock
    match part:
        case Part.HOUR:
            return f"{hour:02}"
        case Part.HOUR_12 | Part.PADDED_HOUR_12:
            return _padded(hour % 12 or 12, part)
        case Part.MINUTE | Part.PADDED_MINUTE:
            return _padded(minute, part)
        case Part.SECOND | Part.PADDED_SECOND:
            return _padded(second, part)
        case Part.UPPER_NOON:
            return "PM" if hour >= days.NOON else "AM"
        case _:
            return "pm" if hour >= days.NOON else "am"


def _name_length(part: Part) -> int | None:
    return 3 if part in {Part.SHORT_MONTH_NAME, Part.SHORT_WEEKDAY_NAME} else None


def _padded(number: int, part: Part) -> str:
    """Write a number as wide as its piece of the layout, with what pads it there."""
    pad = part.value[0] if part.value[0] in "0_" else ""
    text = str(number)
    return text.rjust(len(part.value), " " if pad == "_" else "0") if pad else text


def _fraction(nanoseconds: int, piece: Piece) -> str:
    digits = f"{nanoseconds:09}"[: len(piece.text) - 1]
    if piece.part is Part.FRACTION:
        return piece.text[0] + digits
    digits = digits.rstrip("0")
    return piece.text[0] + digits if digits else ""


def _offset(offset: int, layout: str) -> str:
    """Write an offset as `-07:00` and its like do, or `Z` where those may."""
    if layout[0] == "Z" and offset == 0:
        return "Z"
    # Go cuts off the seconds before it looks at the sign.
    sign = "-" if int(offset / 60) < 0 else "+"
    minutes, seconds = divmod(abs(offset), 60)
    hours, minutes = divmod(minutes, 60)
    numbers = [f"{hours:02}", f"{minutes:02}", f"{seconds:02}"]
    digits = sum(each.isdigit() for each in layout)
    return sign + (":" if ":" in layout else "").join(numbers[: digits // 2])
