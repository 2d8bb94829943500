"""What Jinja2's operators do with plain values.

A number that Vault sent counts as a number and prints with the literal it came with.
Whole numbers have 64 bits, as in Go: nothing grows without bound. What is no text
prints as JSON, never as Python would show it. What is not defined is an error where it
is used, so a slip of the pen is not an empty password.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vso_controller.templating.errors import ExecutionError
from vso_controller.templating.limits import Budget
from vso_controller.templating.values import JSONNumber

_LEAST, _GREATEST = -(2**63), 2**63 - 1
Number = int | float


@dataclass(frozen=True, slots=True)
class Undefined:
    """What a name or a key stands for that is not there."""

    what: str


def used(value: object) -> object:
    """Return the value. Raises ExecutionError if it is not defined."""
    if isinstance(value, Undefined):
        raise ExecutionError(f"{value.what} is not defined")
    return value


def number(value: object) -> Number | None:
    """Return the value as a number, None if it is none."""
    if isinstance(value, JSONNumber):
        return _parsed(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value


def truth(value: object) -> bool:
    """Tell whether a value counts as true: it is neither empty nor zero."""
    found = number(used(value))
    return bool(found) if found is not None else bool(value)


def arithmetic(sign: str, left: object, right: object, budget: Budget) -> object:
    """Return what an operator makes of two numbers, or `+` of two texts."""
    if sign == "+" and _is_text(left) and _is_text(right):
        return concatenated([str(left), str(right)], budget)
    one, other = number(left), number(right)
    if one is None or other is None:
        raise ExecutionError(f"{sign} takes numbers")
    try:
        return bounded(_ARITHMETIC[sign](one, other))
    except ZeroDivisionError as error:
        raise ExecutionError("division by zero") from error
    except OverflowError as error:
        raise ExecutionError("the number is too large") from error


def bounded(value: Number) -> Number:
    """Return a number of 64 bits. Raises ExecutionError if it takes more."""
    if isinstance(value, int) and not _LEAST <= value <= _GREATEST:
        raise ExecutionError("the number is too large")
    return value


def concatenated(parts: list[str], budget: Budget) -> str:
    """Return the texts as one, paid for before."""
    budget.work(4 * sum(map(len, parts)))
    return "".join(parts)


def compared(sign: str, left: object, right: object, budget: Budget) -> bool:
    """Tell whether a comparison holds."""
    if sign in {"in", "notin"}:
        return _is_in(left, right, budget) is (sign == "in")
    one, other = _comparable(left), _comparable(right)
    if isinstance(one, str) and isinstance(other, str):
        budget.work(min(len(one), len(other)))
    if sign in _EQUALITY:
        return _EQUALITY[sign](one, other) is True
    both = (str, str), (int | float, int | float)
    if not any(isinstance(one, a) and isinstance(other, b) for a, b in both):
        raise ExecutionError("only two numbers or two texts are less or greater")
    return _ORDER[sign](one, other)


def _is_in(needle: object, heap: object, budget: Budget) -> bool:
    match heap:
        case str() if _is_text(needle) and _is_text(heap):
            budget.work(len(heap))
            return str(needle) in heap
        case dict():
            return isinstance(needle, str) and needle in heap
        case list():
            budget.items(len(heap))
            wanted = _comparable(needle)
            return any(_same(wanted, each) for each in heap)
    raise ExecutionError("in takes a text within a text, or a key or a member")


def _same(wanted: object, each: object) -> bool:
    if isinstance(each, dict | list):
        return False
    return _EQUALITY["eq"](wanted, _comparable(each)) is True


def _comparable(value: object) -> object:
    """Return what Python compares as is meant here; a number is none of the texts."""
    found = number(value)
    if found is not None:
        return found
    if isinstance(value, dict | list):
        raise ExecutionError("lists and mappings are compared by deepEqual")
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, JSONNumber)


def _parsed(literal: JSONNumber) -> Number:
    try:
        found = int(literal) if len(literal) < 20 else float(literal)  # noqa: PLR2004
    except ValueError:
        found = float(literal)
    return found


def _equal(one: object, other: object) -> bool:
    # True is no 1 here.
    return isinstance(one, bool) is isinstance(other, bool) and one == other


_ARITHMETIC: Mapping[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_EQUALITY: Mapping[str, Callable[[object, object], bool]] = {
    "eq": _equal,
    "ne": lambda one, other: not _equal(one, other),
}
_ORDER: Mapping[str, Callable[..., bool]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
