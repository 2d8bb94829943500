"""Durations in Go's notation, as the CRDs and the flags write them."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # the micro sign, and the Greek letter below: Go reads both
    "\N{GREEK SMALL LETTER MU}s": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_MILLISECOND = 1_000  # microseconds
_SECOND = 1_000_000  # microseconds
_PART = re.compile(rf"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)({'|'.join(_UNITS)})")
_LONGEST = timedelta(microseconds=2**63 // 1_000)
"""Go counts nanoseconds in 64 bits: some 292 years."""


def parse_duration(text: str) -> timedelta:
    """Parse a Go duration such as `1h30m`, `250ms`, `-5s` or `0`.

    Raises ValueError with the text and an example, as a user would want it, and for
    what Go's 64 bits do not hold. Source of the notation: the documentation of Go's
    `time.ParseDuration`.
    """
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta()
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part[0] for part in parts) != rest:
        raise ValueError(f"{text!r} is not a duration; write for example 30s or 1h30m")
    seconds = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is too long a duration")
    return sign * timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Format as Go's `Duration.String` does: `1h0m0s`, `54.2s`, `250ms`, `0s`.

    Precision ends at the microsecond, as timedelta's does.
    """
    sign = "-" if duration < timedelta() else ""
    micros = abs(duration) // timedelta(microseconds=1)
    if micros == 0:
        return "0s"
    if micros < _MILLISECOND:
        return f"{sign}{micros}µs"
    if micros < _SECOND:
        return f"{sign}{_decimal(micros, _MILLISECOND)}ms"
    minutes, rest = divmod(micros, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{str(rest).zfill(digits).rstrip('0')}"
