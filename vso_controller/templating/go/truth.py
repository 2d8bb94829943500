"""What counts as true, and how values compare."""

from __future__ import annotations

from enum import Enum, auto

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.go.running import Absent
from vso_controller.templating.values import Kind, Object, is_nil, kind_of, raw


def is_true(value: object) -> bool:
    """Whether a value is neither zero nor empty."""
    if isinstance(value, (Absent, Object)):
        return not isinstance(value, Absent)
    return bool(value)


class _Basic(Enum):
    """Kinds of values within which all can be compared."""

    BOOL = auto()
    INT = auto()
    FLOAT = auto()
    COMPLEX = auto()
    STRING = auto()
    OTHER = auto()


_BASICS = (
    (bool, _Basic.BOOL),
    (int, _Basic.INT),
    (float, _Basic.FLOAT),
    (complex, _Basic.COMPLEX),
    (str, _Basic.STRING),
)


def equals(value: object, others: tuple[object, ...]) -> bool:
    """Whether a value is one of the others. Raises FunctionError."""
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(value, other) for other in others)


def less(value: object, other: object) -> bool:
    """Whether a value comes before another. Raises FunctionError."""
    kind, others = _basic(value), _basic(other)
    if _Basic.OTHER in {kind, others}:
        raise FunctionError("invalid type for comparison")
    if kind is not others:
        raise FunctionError("incompatible types for comparison")
    if isinstance(value, str) and isinstance(other, str):
        return raw(value) < raw(other)
    if kind in {_Basic.INT, _Basic.FLOAT}:
        return bool(value < other)  # type: ignore[operator]
    raise FunctionError("invalid type for comparison")


def _basic(value: object) -> _Basic:
    for type_, basic in _BASICS:
        if isinstance(value, type_):
            return basic
    return _Basic.OTHER


def _is_invalid(value: object) -> bool:
    return value is None or isinstance(value, Absent)


def _equal(value: object, other: object) -> bool:
    kind, others = _basic(value), _basic(other)
    if kind is not others:
        if _is_invalid(value) or _is_invalid(other):
            return False
        raise FunctionError("incompatible types for comparison")
    if kind is not _Basic.OTHER:
        return value == other
    if _is_invalid(value) or _is_invalid(other):
        return _is_nil(value) == _is_nil(other)
    if kind_of(value) is not kind_of(other):
        raise FunctionError("non-comparable types")
    if _is_nil(value) or _is_nil(other):
        return _is_nil(value) == _is_nil(other)
    if not isinstance(value, Object):
        raise FunctionError("non-comparable type")
    return value is other if value.KIND is Kind.PTR else value == other


def _is_nil(value: object) -> bool:
    return isinstance(value, Absent) or is_nil(value)
