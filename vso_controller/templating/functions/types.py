"""What type a value has, in Go's words, and whether two values are equal."""

from __future__ import annotations

from vso_controller.templating.functions.equality import deeply_equal
from vso_controller.templating.registry import Environment, function
from vso_controller.templating.values import kind_of, type_of


@function("typeOf", "(any) string")
def type_of_(value: object) -> str:
    """Return the name of the type of the value."""
    return type_of(value)


@function("typeIs", "(string, any) bool")
def type_is(name: str, value: object) -> bool:
    """Say whether the type of the value has this name."""
    return name == type_of(value)


@function("typeIsLike", "(string, any) bool")
def type_is_like(name: str, value: object) -> bool:
    """Say whether the type of the value has this name, or is a pointer to it."""
    found = type_of(value)
    return found == name or (found[0] == "*" and found[1:] == name)


@function("kindOf", "(any) string")
def kind_of_(value: object) -> str:
    """Return the kind of the value: `string`, `slice`, `map`, `int`, ..."""
    return str(kind_of(value))


@function("kindIs", "(string, any) bool")
def kind_is(name: str, value: object) -> bool:
    """Say whether the value is of this kind."""
    return name == kind_of(value)


@function("deepEqual", "(any, any) bool", environment=True)
def deep_equal(run: Environment, left: object, right: object) -> bool:
    """Say whether two values are of the same type and have equal parts."""
    return deeply_equal(run, left, right)


FUNCTIONS = (type_of_, type_is, type_is_like, kind_of_, kind_is, deep_equal)
