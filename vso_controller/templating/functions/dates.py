"""Times and durations. All times are of the zone UTC, unless they say otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vso_controller.foundation.durations import format_nanoseconds, parse_nanoseconds
from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.casting import parse_decimal, wrapped
from vso_controller.templating.functions.moments import LOCAL, SECOND, Moment
from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.functions.timeparsing import parse
from vso_controller.templating.functions.times import Time, since, whole
from vso_controller.templating.registry import Environment, function
from vso_controller.templating.values import Int64, is_string

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600 * SECOND
_UNITS = (
    ("y", 365 * 24 * _HOUR),
    ("mo", 30 * 24 * _HOUR),
    ("d", 24 * _HOUR),
    ("h", _HOUR),
    ("m", 60 * SECOND),
    ("s", SECOND),
)


@reading("mustToDate", "(string, string) time.Time", weight=8 * BY_LETTER)
def must_to_date(layout: str, text: str) -> Time:
    """Return the time that the second text is, written as in the first one."""
    try:
        return Time(parse(layout, text))
    except ValueError as error:
        raise FunctionError(f"the text is no such time: {error}") from None


@function("ago", "(any) string", environment=True, is_deterministic=False)
def ago(run: Environment, value: object) -> str:
    """Return how long ago a time was, to the second."""
    now = _now(run)
    then = now
    if isinstance(value, Time):
        then = value.moment
    elif isinstance(value, int) and type(value) in {int, Int64}:
        then = Moment(int(value) * SECOND, LOCAL)
    return format_nanoseconds(whole(since(now, then), SECOND))


@reading("duration", "(any) string", weight=4)
def duration(value: object) -> str:
    """Return seconds as a duration, such as `1h30m0s`."""
    seconds = 0
    if is_string(value):
        seconds = parse_decimal(str(value))
    elif isinstance(value, Int64):
        seconds = int(value)
    return format_nanoseconds(wrapped(seconds * SECOND))


@reading(
    "durationRound",
    "(any) string",
    weight=BY_LETTER,
    environment=True,
    is_deterministic=False,
)
def duration_round(run: Environment, value: object) -> str:
    """Return a duration, or how long ago a time was, in its greatest unit only."""
    nanoseconds = abs(_nanoseconds(run, value))
    for unit, length in _UNITS:
        if nanoseconds > length:
            return f"{nanoseconds // length}{unit}"
    return "0s"


def _nanoseconds(run: Environment, value: object) -> int:
    if isinstance(value, Time):
        return since(_now(run), value.moment)
    if isinstance(value, Int64):
        return int(value)
    try:
        return parse_nanoseconds(str(value)) if is_string(value) else 0
    except ValueError:
        return 0


def _now(run: Environment) -> Moment:
    passed = (run.now() - _EPOCH) // timedelta(microseconds=1)
    return Moment(passed * 1000, LOCAL)


FUNCTIONS = (must_to_date, ago, duration, duration_round)
