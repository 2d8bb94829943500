"""Choosing between values by whether they are empty, and giving up."""

from __future__ import annotations

from typing import NoReturn

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.registry import function
from vso_controller.templating.values import Kind, Object, kind_of


def is_empty(value: object) -> bool:
    """Say whether a value is nil, zero, false, or has no elements."""
    if isinstance(value, Object):
        # A pointer that is not nil is not empty, and a struct never is.
        return kind_of(value) not in {Kind.STRUCT, Kind.PTR}
    return not value


@function("default", "(any, ...any) any")
def default(fallback: object, *given: object) -> object:
    """Return the second value, or the first one if that is empty."""
    return fallback if not given or is_empty(given[0]) else given[0]


@function("empty", "(any) bool")
def empty(value: object) -> bool:
    """Say whether the value is nil, zero, false, or has no elements."""
    return is_empty(value)


@function("coalesce", "(...any) any")
def coalesce(*values: object) -> object:
    """Return the first value that is not empty."""
    return next((each for each in values if not is_empty(each)), None)


@function("all", "(...any) bool")
def all_(*values: object) -> bool:
    """Say whether no value is empty."""
    return not any(map(is_empty, values))


@function("any", "(...any) bool")
def any_(*values: object) -> bool:
    """Say whether some value is not empty."""
    return not all(map(is_empty, values))


@function("ternary", "(any, any, bool) any")
def ternary(yes: object, no: object, condition: bool) -> object:
    """Return the first value if the third one is true, the second one otherwise."""
    return yes if condition else no


@function("fail", "(string) string")
def fail(_message: str) -> NoReturn:
    """End the rendering with an error, whose text is not shown: it may hold data."""
    raise FunctionError("the template gave up here")


FUNCTIONS = (default, empty, coalesce, all_, any_, ternary, fail)
