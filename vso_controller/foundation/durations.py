"""Durations in Go's notation, as the CRDs, the flags and templates write them.

Go counts nanoseconds in 64 bits: some 292 years. Where a `timedelta` will do,
precision ends at the microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign, and the Greek letter below: Go reads both
    "\N{GREEK SMALL LETTER MU}s": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
_MICROSECOND = 1_000  # nanoseconds
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_PART = re.compile(rf"(?=[.0-9])([0-9]*)(?:\.([0-9]*))?({'|'.join(_UNITS)})")
_LONGEST = 2**63
_MOST_DIGITS = 18
"""Of a whole number or a fraction: what fits into 64 bits for certain."""


def parse_duration(text: str) -> timedelta:
    """Parse a Go duration such as `1h30m`, `250ms`, `-5s` or `0`.

    Raises ValueError with the text and an example, as a user would want it, and for
    what Go's 64 bits do not hold. Source of the notation: the documentation of Go's
    `time.ParseDuration`.
    """
    nanoseconds = parse_nanoseconds(text)
    micros = timedelta(microseconds=round(abs(nanoseconds) / _MICROSECOND))
    return -micros if nanoseconds < 0 else micros


def parse_nanoseconds(text: str) -> int:
    """Parse a Go duration to nanoseconds. Raises ValueError as `parse_duration`."""
    negative = text[:1] == "-"
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    parts = list(_parts(rest))
    if not parts or parts[-1].end() != len(rest):
        raise ValueError(f"{text!r} is not a duration; write for example 30s or 1h30m")
    total = sum(_nanoseconds(*part.groups(default="")) for part in parts)
    if total > _LONGEST - (not negative):
        raise ValueError(f"{text!r} is too long a duration")
    return -total if negative else total


def format_duration(duration: timedelta) -> str:
    """Format as Go's `Duration.String` does: `1h0m0s`, `54.2s`, `250ms`, `0s`."""
    return format_nanoseconds(duration // timedelta(microseconds=1) * _MICROSECOND)


def format_nanoseconds(nanoseconds: int) -> str:
    """Format nanoseconds as Go's `Duration.String` does."""
    sign = "-" if nanoseconds < 0 else ""
    amount = abs(nanoseconds)
    if amount == 0:
        return "0s"
    if amount < _MICROSECOND:
        return f"{sign}{amount}ns"
    if amount < _MILLISECOND:
        return f"{sign}{_decimal(amount, _MICROSECOND)}µs"
    if amount < _SECOND:
        return f"{sign}{_decimal(amount, _MILLISECOND)}ms"
    minutes, rest = divmod(amount, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _parts(text: str) -> Iterator[re.Match[str]]:
    """Read numbers and units, from the start and as far as there are any."""
    # Not by `finditer`: it would look for a part at each digit of a long number.
    end = 0
    while (part := _PART.match(text, end)) and part[1] + (part[2] or ""):
        yield part
        end = part.end()


def _nanoseconds(whole: str, fraction: str, unit: str) -> int:
    """Return one part of a duration; more than Go can count for what it cannot."""
    if len(whole.lstrip("0")) > _MOST_DIGITS + 1:
        return _LONGEST + 1
    amount = int(whole or "0") * _UNITS[unit]
    digits = fraction[:_MOST_DIGITS]
    # In floating point, as Go does it: the last nanosecond depends on that.
    return amount + int(int(digits or "0") * (_UNITS[unit] / 10.0 ** len(digits)))


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{str(rest).zfill(digits).rstrip('0')}"
