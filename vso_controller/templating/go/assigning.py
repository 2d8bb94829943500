"""Which values may be given to a parameter of which type, as reflect has it."""

from __future__ import annotations

from vso_controller.templating.errors import ExecutionError
from vso_controller.templating.go.running import Absent
from vso_controller.templating.values import (
    NilList,
    NilMap,
    NilStringList,
    StringMap,
    type_of,
)

ANY = "any"
VALUE = "value"
"""A parameter that takes what is no value, too: those of the built-in functions."""
_ALIASES = {
    "map[string]any": "map[string]interface {}",
    "[]any": "[]interface {}",
    "[]byte": "[]uint8",
    "interface {}": ANY,
}
INTEGERS = frozenset(
    {
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
    }
)


def normal(type_: str) -> str:
    """Return the name of a type as values say it."""
    return _ALIASES.get(type_, type_)


def nil_of(type_: str) -> object:
    """Return nil of a type. Raises ExecutionError for a type that has none."""
    match type_:
        case "any":
            return None
        case "value":
            return Absent.NOTHING
        case "map[string]interface {}":
            return NilMap()
        case "map[string]string":
            return StringMap()
        case "[]interface {}":
            return NilList()
        case "[]string":
            return NilStringList()
        case _:
            raise ExecutionError(f"nil is no {type_}")


def assigned(value: object, type_: str) -> object:
    """Return a value as a parameter of a type gets it. Raises ExecutionError."""
    if isinstance(value, Absent):
        return nil_of(type_)
    if type_ in {ANY, VALUE}:
        return value
    given = type_of(value)
    if given != type_:
        raise ExecutionError(f"wrong type for value: {type_} is needed, not {given}")
    return value
