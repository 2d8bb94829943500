"""Prints values as Go's fmt does where nobody says how (`%v`)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.limits import Budget
from vso_controller.templating.values import (
    Object,
    SizedInt,
    joined,
    raw,
)

NIL = "<nil>"
_PLAIN_EXPONENTS = range(-4, 6)
"""Of ten, for which no exponent is printed."""
_ELEMENT = 64  # what an element costs, in bytes
_OBJECT = 1024  # what it costs to have an object say what it is


def printed(budget: Budget, value: object) -> str:
    """Return what `%v` prints. Raises LimitReached."""
    if isinstance(value, str):
        return str(value)
    parts: list[str] = []
    _print(budget, value, parts, depth=0)
    return joined(parts)


def concatenated(budget: Budget, values: Iterable[object]) -> str:
    """Return what Sprint prints: spaces only between two that are no strings."""
    parts: list[str] = []
    was_string = True
    for value in values:
        is_string = isinstance(value, str)
        if not is_string and not was_string:
            parts.append(" ")
        parts.append(printed(budget, value))
        was_string = is_string
        budget.work(len(parts[-1]))
    return joined(parts)


def line_of(budget: Budget, values: Iterable[object]) -> str:
    """Return what Sprintln prints: spaces between all, and an end of line."""
    parts = [printed(budget, value) for value in values]
    budget.work(sum(map(len, parts)))
    return joined([" ".join(parts), "\n"])


def shortest_float(value: float) -> str:
    """Return the shortest text that is this number, as `%v` has it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, point = decimal_of(value)
    if point - 1 not in _PLAIN_EXPONENTS:
        return sign + exponential(digits, point)
    return sign + positional(digits, point)


def decimal_of(value: float) -> tuple[str, str, int]:
    """Return sign, shortest digits, and how many of these precede the point."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    sign = "-" if math.copysign(1, value) < 0 else ""
    digits = digits.rstrip("0")
    return (sign, digits, point) if digits else (sign, "0", 1)


def exponential(digits: str, point: int) -> str:
    """Return digits in the form `1.5e+06`."""
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}e{point - 1:+03d}"


def positional(digits: str, point: int) -> str:
    """Return digits in the form `1500000`, `1.5` or `0.0015`."""
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def stringer_of(value: object) -> str | None:
    """Return what the value says of itself, None if it has nothing to say."""
    if isinstance(value, Object):
        return value.text()
    if isinstance(value, SizedInt):
        method = value.METHODS.get("String")
        return None if method is None else str(method(value))
    return None


def sorted_items(value: dict[str, object]) -> list[tuple[str, object]]:
    """Return the entries of a map in the order of their keys' bytes."""
    return sorted(value.items(), key=lambda item: raw(item[0]))


def _print(budget: Budget, value: object, parts: list[str], *, depth: int) -> None:
    if depth > budget.limits.depth:
        raise LimitReached("depth", allowed=budget.limits.depth)
    if isinstance(value, dict):
        parts.append("map[")
        for number, (key, each) in enumerate(sorted_items(value)):
            budget.work(_ELEMENT)
            parts.append(f" {key}:" if number else f"{key}:")
            _print(budget, each, parts, depth=depth + 1)
        parts.append("]")
    elif isinstance(value, (list, bytes)):
        parts.append("[")
        for number, each in enumerate(value):
            budget.work(_ELEMENT)
            parts.append(" " if number else "")
            _print(budget, each, parts, depth=depth + 1)
        parts.append("]")
    elif isinstance(value, Object) and (members := value.members()) is not None:
        parts.append("&{")
        for number, each in enumerate(members):
            parts.append(" " if number else "")
            _print(budget, each, parts, depth=depth + 1)
        parts.append("}")
    else:
        budget.work(_OBJECT if isinstance(value, Object) else 0)
        parts.append(_scalar(value))
        budget.work(len(parts[-1]))


def _scalar(value: object) -> str:
    if value is None:
        return NIL
    if isinstance(value, bool):
        return "true" if value else "false"
    told = stringer_of(value)
    if told is not None:
        return told
    if isinstance(value, float):
        return shortest_float(value)
    if isinstance(value, complex):
        return complex_text(value)
    return str(int(value) if isinstance(value, int) else value)


def complex_text(value: complex) -> str:
    """Return a complex number as `%v` has it."""
    imaginary = shortest_float(value.imag)
    sign = "" if imaginary[0] in "+-" else "+"
    return f"({shortest_float(value.real)}{sign}{imaginary}i)"
