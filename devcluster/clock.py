"""Wall time in the words of Kubernetes objects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], float]
"""Tells wall time: seconds since the Unix epoch."""

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY

# Below the first figure an age is told in its units; source: what kubectl prints.
_AGE_UNITS: tuple[tuple[int, tuple[tuple[int, str], ...]], ...] = (
    (2 * _MINUTE, ((1, "s"),)),
    (10 * _MINUTE, ((_MINUTE, "m"), (1, "s"))),
    (3 * _HOUR, ((_MINUTE, "m"),)),
    (8 * _HOUR, ((_HOUR, "h"), (_MINUTE, "m"))),
    (2 * _DAY, ((_HOUR, "h"),)),
    (8 * _DAY, ((_DAY, "d"), (_HOUR, "h"))),
    (2 * _YEAR, ((_DAY, "d"),)),
    (8 * _YEAR, ((_YEAR, "y"), (_DAY, "d"))),
)


def timestamp(epoch: float) -> str:
    """Format as metav1.Time: UTC, whole seconds."""
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> float:
    """Parse an RFC 3339 time to seconds since the epoch. Raises ValueError."""
    return datetime.fromisoformat(text).timestamp()


def age(seconds: float) -> str:
    """Write a duration the way kubectl shows ages: `5s`, `3m12s`, `4d`."""
    rest = int(seconds)
    if rest < 0:
        return "0s" if rest > -_MINUTE else "<invalid>"
    for limit, units in _AGE_UNITS:
        if rest < limit:
            return _in_units(rest, units)
    return f"{rest // _YEAR}y"


def _in_units(rest: int, units: tuple[tuple[int, str], ...]) -> str:
    told = ""
    for unit, letter in units:
        count, rest = divmod(rest, unit)
        if count or not told:
            told += f"{count}{letter}"
    return told
