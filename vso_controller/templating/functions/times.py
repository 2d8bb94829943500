"""Times in templates, and what their methods return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vso_controller.foundation.durations import format_nanoseconds
from vso_controller.templating.functions import days
from vso_controller.templating.functions.casting import wrapped
from vso_controller.templating.functions.methods import method
from vso_controller.templating.functions.moments import (
    LOCAL,
    SECOND,
    UTC,
    Moment,
    Zone,
    formatted,
    moment,
)
from vso_controller.templating.values import Int64, Kind, Object, SizedInt

_PRINTED = "2006-01-02 15:04:05.999999999 -0700 MST"
_RFC3339 = "2006-01-02T15:04:05.999999999Z07:00"
_LONGEST = 2**63 - 1
_MINUTE, _HOUR = 60 * SECOND, 3600 * SECOND
_ZERO = moment((1, 1, 1), (0, 0, 0), 0, UTC).nanoseconds


class Month(SizedInt):
    """A month of the year, from 1 on."""

    KIND = Kind.INT
    TYPE = "time.Month"


class Weekday(SizedInt):
    """A day of the week; Sunday is 0."""

    KIND = Kind.INT
    TYPE = "time.Weekday"


class Duration(SizedInt):
    """A duration in nanoseconds."""

    KIND = Kind.INT64
    TYPE = "time.Duration"


@dataclass(frozen=True, slots=True)
class Location(Object):
    """A time zone."""

    zone: Zone

    TYPE = "*time.Location"
    KIND = Kind.PTR

    def text(self) -> str:
        return self.zone.name

    def plain(self) -> object:
        return {}


@dataclass(frozen=True, slots=True)
class Time(Object):
    """A moment."""

    moment: Moment

    TYPE = "time.Time"

    def text(self) -> str:
        return formatted(self.moment, _PRINTED)

    def plain(self) -> object:
        return formatted(self.moment, _RFC3339)


def since(now: Moment, then: Moment) -> int:
    """Return the nanoseconds from one moment to another, or as many as Go counts."""
    passed = now.nanoseconds - then.nanoseconds
    return max(-_LONGEST - 1, min(passed, _LONGEST))


def whole(nanoseconds: int, unit: int) -> int:
    """Round to a multiple of a unit, halves away from zero."""
    rounded = (abs(nanoseconds) + unit // 2) // unit * unit if unit > 0 else None
    if rounded is None:
        return nanoseconds
    rounded = min(rounded, _LONGEST)
    return rounded if nanoseconds >= 0 else -rounded


def _truncated(nanoseconds: int, unit: int) -> int:
    if unit <= 0:
        return nanoseconds
    cut = abs(nanoseconds) // unit * unit
    return cut if nanoseconds >= 0 else -cut


def _add_date(value: Time, years: int, months: int, days_: int) -> Time:
    year, month, day = value.moment.date
    date = year + years, month + months, day + days_
    shown = value.moment
    return Time(moment(date, shown.clock, shown.fraction, shown.zone))


def _rounded_time(value: Time, unit: Duration) -> Time:
    """Round half up, counted from the beginning of the year 1 as Go does."""
    if unit <= 0:
        return value
    passed = value.moment.nanoseconds - _ZERO
    return Time(value.moment.later((passed + unit // 2) // unit * unit - passed))


def _truncated_time(value: Time, unit: Duration) -> Time:
    if unit <= 0:
        return value
    return Time(value.moment.later(-((value.moment.nanoseconds - _ZERO) % unit)))


def _comparison(holds: Callable[[int], object]) -> Callable[..., object]:
    def compare(value: Time, other: Time) -> object:
        mine, theirs = value.moment.nanoseconds, other.moment.nanoseconds
        return holds((mine > theirs) - (mine < theirs))

    return method(Time)(compare)


def _go_text(value: Time) -> str:
    shown = value.moment
    year, month, day = shown.date
    numbers = (day, *shown.clock, shown.fraction)
    place = shown.zone.variable or f'time.Location("{shown.zone.name}")'
    return (
        f"time.Date({year}, time.{days.MONTHS[month - 1]}, "
        f"{', '.join(map(str, numbers))}, {place})"
    )


Month.METHODS = {"String": method()(lambda value: days.MONTHS[value - 1])}
Weekday.METHODS = {"String": method()(lambda value: days.WEEKDAYS[value])}
Duration.METHODS = {
    "String": method()(format_nanoseconds),
    "Hours": method()(lambda value: value / _HOUR),
    "Minutes": method()(lambda value: value / _MINUTE),
    "Seconds": method()(lambda value: value / SECOND),
    "Milliseconds": method()(lambda value: Int64(_truncated(value, 10**6) // 10**6)),
    "Microseconds": method()(lambda value: Int64(_truncated(value, 1000) // 1000)),
    "Nanoseconds": method()(Int64),
    "Abs": method()(lambda value: Duration(min(abs(value), _LONGEST))),
    "Round": method(Duration)(lambda value, unit: Duration(whole(value, unit))),
    "Truncate": method(Duration)(lambda value, unit: Duration(_truncated(value, unit))),
}
Location.METHODS = {"String": method()(lambda value: value.zone.name)}
Time.METHODS = {
    "Format": method(str)(lambda value, layout: formatted(value.moment, layout)),
    "String": method()(Time.text),
    "GoString": method()(_go_text),
    "Year": method()(lambda value: value.moment.date[0]),
    "Month": method()(lambda value: Month(value.moment.date[1])),
    "Day": method()(lambda value: value.moment.date[2]),
    "Weekday": method()(lambda value: Weekday(value.moment.weekday)),
    "YearDay": method()(lambda value: value.moment.year_day),
    "Hour": method()(lambda value: value.moment.clock[0]),
    "Minute": method()(lambda value: value.moment.clock[1]),
    "Second": method()(lambda value: value.moment.clock[2]),
    "Nanosecond": method()(lambda value: value.moment.fraction),
    "Unix": method()(lambda value: Int64(value.moment.nanoseconds // SECOND)),
    "UnixMilli": method()(lambda value: Int64(value.moment.nanoseconds // 10**6)),
    "UnixMicro": method()(lambda value: Int64(value.moment.nanoseconds // 1000)),
    "UnixNano": method()(lambda value: Int64(wrapped(value.moment.nanoseconds))),
    "IsZero": method()(lambda value: value.moment.nanoseconds == _ZERO),
    "IsDST": method()(lambda _value: False),
    "UTC": method()(lambda value: Time(value.moment.shown_in(UTC))),
    "Local": method()(lambda value: Time(value.moment.shown_in(LOCAL))),
    "Location": method()(lambda value: Location(value.moment.zone)),
    "In": method(Location)(
        lambda value, place: Time(value.moment.shown_in(place.zone))
    ),
    "Add": method(Duration)(lambda value, length: Time(value.moment.later(length))),
    "AddDate": method(int, int, int)(_add_date),
    "Sub": method(Time)(
        lambda value, other: Duration(since(value.moment, other.moment))
    ),
    "Round": method(Duration)(_rounded_time),
    "Truncate": method(Duration)(_truncated_time),
    "After": _comparison(lambda order: order > 0),
    "Before": _comparison(lambda order: order < 0),
    "Equal": _comparison(lambda order: order == 0),
    "Compare": _comparison(lambda order: order),
}
