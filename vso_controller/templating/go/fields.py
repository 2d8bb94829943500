"""What `.name` is of a value: a method that its type lists, or an entry of a map."""

from __future__ import annotations

from collections.abc import Sequence

from vso_controller.foundation.gojson import Struct
from vso_controller.templating.errors import ExecutionError, FunctionError
from vso_controller.templating.go.running import NOTHING, Absent
from vso_controller.templating.limits import Budget
from vso_controller.templating.values import (
    Int64,
    JSONNumber,
    Kind,
    Methods,
    NilMap,
    Object,
    SizedInt,
    type_of,
)

_LONGEST_NUMBER = 400  # characters
_METHOD = 1024
"""What a call costs, in bytes that a function would read."""
_LETTER = 128
"""What a letter of an argument costs: of a layout, most of all."""
_INT64 = range(-(2**63), 2**63)


class Root(Object):
    """What templates are rendered with: Secrets, Metadata, Annotations and Labels."""

    __slots__ = ("TYPE", "_fields")
    KIND = Kind.PTR

    def __init__(
        self, fields: dict[str, dict[str, object]], *, type_: str = "*template.Input"
    ) -> None:
        self._fields = fields
        self.TYPE = type_  # type: ignore[misc]

    def field(self, name: str) -> object:
        """Return a field. Raises KeyError."""
        return self._fields[name]

    def members(self) -> tuple[object, ...]:
        """Return the fields in their order.

        The second is one of upstream's that no template can name, and is empty.
        """
        first, *others = self._fields.values()
        return (first, NilMap(), *others)

    def plain(self) -> object:
        """Return the fields by the names that JSON has for them."""
        named = ((name.lower(), value) for name, value in self._fields.items())
        return Struct(named)


def field_of(
    budget: Budget, value: object, name: str, arguments: Sequence[object] | None
) -> object:
    """Return the field or the method's result. `arguments` None: none are given.

    Raises ExecutionError, LimitReached, and what a method raises.
    """
    if isinstance(value, Absent):
        return NOTHING
    if value is None:
        raise ExecutionError(f"nil pointer evaluating .{name}")
    method = _methods(value).get(name)
    if method is not None:
        given = arguments or ()
        letters = sum(len(each) for each in given if isinstance(each, str))
        budget.work(_METHOD + _LETTER * letters)
        return method(value, *given)
    if isinstance(value, dict):
        if arguments is not None:
            raise ExecutionError(f"{name} is not a method but has arguments")
        return value.get(name, NOTHING)
    if isinstance(value, Root):
        return _of_root(value, name, arguments)
    raise ExecutionError(f"can't evaluate field {name} in type {type_of(value)}")


def _of_root(value: Root, name: str, arguments: Sequence[object] | None) -> object:
    try:
        found = value.field(name)
    except KeyError:
        raise ExecutionError(f"can't evaluate field {name}") from None
    if arguments is not None:
        raise ExecutionError(f"{name} has arguments but is no function")
    return found


def _methods(value: object) -> Methods:
    if isinstance(value, JSONNumber):
        return _OF_NUMBERS
    if isinstance(value, (Object, SizedInt)):
        return value.METHODS
    return {}


def _no_arguments(arguments: tuple[object, ...]) -> None:
    if arguments:
        raise FunctionError("wrong number of arguments")


def _int64(value: str, *arguments: object) -> Int64:
    _no_arguments(arguments)
    unsigned = value.removeprefix("-").removeprefix("+")
    if unsigned.isascii() and unsigned.isdigit() and len(unsigned) <= _LONGEST_NUMBER:
        number = int(value)
        if number in _INT64:
            return Int64(number)
    raise FunctionError("the number is no int64")


def _float64(value: str, *arguments: object) -> float:
    _no_arguments(arguments)
    number = float(value)
    if number in {float("inf"), float("-inf")}:
        raise FunctionError("the number is no float64")
    return number


def _string(value: str, *arguments: object) -> str:
    _no_arguments(arguments)
    return str(value)


_OF_NUMBERS: Methods = {"Int64": _int64, "Float64": _float64, "String": _string}
