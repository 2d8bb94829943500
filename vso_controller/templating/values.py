"""Go values as a template sees them, in terms of Python's.

| Go | here |
| --- | --- |
| nil | `None` |
| bool | `bool` |
| int | `int` |
| int64, uint8, … | a subclass of `SizedInt` |
| float64 | `float` |
| string | `str`: its bytes, decoded as UTF-8 with `surrogateescape` |
| json.Number | `JSONNumber`, a `str` of kind string that is not a string |
| []byte | `bytes` |
| []any, map[string]any | `list`, `dict` |
| []string, map[string]string, … | a subclass of `TypedList` or `TypedMap` |
| time.Time, errors, … | an `Object` |

A template can reach what this module names and nothing else: a value has no attribute
for it, but an entry of a map, and the methods that its class lists in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What reflect calls the kind of a value, in Go's words."""

    INVALID = "invalid"
    BOOL = "bool"
    INT = "int"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT = "uint"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT64 = "float64"
    COMPLEX128 = "complex128"
    STRING = "string"
    SLICE = "slice"
    MAP = "map"
    STRUCT = "struct"
    PTR = "ptr"
    FUNC = "func"


Methods = Mapping[str, Callable[..., object]]
"""What a template may call on a value: takes the value, and the arguments."""


class SizedInt(int):
    """An integer of another type than int. Its value is in the range of the type."""

    KIND: ClassVar[Kind] = Kind.INT64
    TYPE: ClassVar[str] = "int64"
    METHODS: ClassVar[Methods] = {}


class Int64(SizedInt):
    """An int64."""


class Int32(SizedInt):
    """An int32, which a rune is."""

    KIND = Kind.INT32
    TYPE = "int32"


class UInt8(SizedInt):
    """A uint8, which a byte of a string is."""

    KIND = Kind.UINT8
    TYPE = "uint8"


class UInt32(SizedInt):
    """A uint32."""

    KIND = Kind.UINT32
    TYPE = "uint32"


class UInt64(SizedInt):
    """A uint64."""

    KIND = Kind.UINT64
    TYPE = "uint64"


class JSONNumber(str):
    """A json.Number: the text of a number as Vault wrote it."""

    __slots__ = ()
    TYPE: ClassVar[str] = "json.Number"


class TypedList(list[object]):
    """A slice whose elements have a type of their own."""

    TYPE: ClassVar[str] = "[]interface {}"


class StringList(TypedList):
    """A []string."""

    TYPE = "[]string"


class NilStringList(StringList):
    """A []string that is nil."""


class IntList(TypedList):
    """A []int."""

    TYPE = "[]int"


class ListList(TypedList):
    """A [][]any."""

    TYPE = "[][]interface {}"


class NilList(TypedList):
    """A []any that is nil: empty, and null in JSON."""


class TypedMap(dict[str, object]):
    """A map from strings whose values have a type of their own."""

    TYPE: ClassVar[str] = "map[string]interface {}"


class StringMap(TypedMap):
    """A map[string]string."""

    TYPE = "map[string]string"


class NilMap(TypedMap):
    """A map[string]any that is nil: empty, takes no entry, and null in JSON."""


class Object:
    """A value of a type that is no plain data, with what a template may call on it."""

    __slots__ = ()
    TYPE: ClassVar[str]
    KIND: ClassVar[Kind] = Kind.STRUCT
    METHODS: ClassVar[Methods] = {}

    def text(self) -> str:
        """Return what printing the value prints."""
        raise NotImplementedError

    def members(self) -> tuple[object, ...] | None:
        """Return what a pointer to a struct points to; None for all else."""
        return None

    def plain(self) -> object:
        """Return the plain data by which JSON has the value."""
        return self.text()


def raw(string: str) -> bytes:
    """Return the bytes of a Go string."""
    return string.encode("utf-8", "surrogateescape")


def text(data: bytes) -> str:
    """Return the Go string of some bytes, be they UTF-8 or not."""
    return data.decode("utf-8", "surrogateescape")


def joined(parts: Iterable[str]) -> str:
    """Return the concatenation of Go strings.

    Halves of a character that meet become the character.
    """
    whole = "".join(parts)
    if whole.isascii() or not _has_surrogates(whole):
        return whole
    return text(raw(whole))


def is_nil(value: object) -> bool:
    """Whether a value is nil, or a slice or a map that is."""
    return value is None or isinstance(value, (NilList, NilStringList, NilMap))


def is_string(value: object) -> bool:
    """Whether a value is of type string: a json.Number is not."""
    return isinstance(value, str) and not isinstance(value, JSONNumber)


def kind_of(value: object) -> Kind:
    """Return the kind of a value, as reflect and Sprig's `kindOf` have it."""
    found = _KINDS.get(type(value))
    if found is not None:
        return found
    if isinstance(value, (SizedInt, Object)):
        return value.KIND
    if isinstance(value, list):
        return Kind.SLICE
    if isinstance(value, dict):
        return Kind.MAP
    raise TypeError(f"a template cannot have a {type(value).__name__}")


def type_of(value: object) -> str:
    """Return the type of a value, as `%T` and Sprig's `typeOf` have it."""
    found = _TYPES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, (SizedInt, JSONNumber, TypedList, TypedMap, Object)):
        return value.TYPE
    raise TypeError(f"a template cannot have a {type(value).__name__}")


_KINDS = {
    type(None): Kind.INVALID,
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT64,
    complex: Kind.COMPLEX128,
    str: Kind.STRING,
    JSONNumber: Kind.STRING,
    bytes: Kind.SLICE,
    list: Kind.SLICE,
    dict: Kind.MAP,
}
_TYPES = {
    type(None): "<nil>",
    bool: "bool",
    int: "int",
    float: "float64",
    complex: "complex128",
    str: "string",
    bytes: "[]uint8",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}


def _has_surrogates(string: str) -> bool:
    try:
        string.encode()
    except UnicodeEncodeError:
        return True
    return False
