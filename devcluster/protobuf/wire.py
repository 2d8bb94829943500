"""Protobuf on the wire: bytes and a table of fields to JSON values.

Only reading, and only what Kubernetes messages use. What is empty is left out, as Go's
JSON does; a field that no table names is refused, for it would be lost.
Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devcluster.objects.json import Object

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MORE = 0x80
_LOW_BITS = 0x7F
_LONGEST_VARINT = 10  # bytes
_SIGN_BIT = 1 << 63

Decoder = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """What a field number stands for."""

    name: str
    decode: Decoder
    is_number: bool = False  # a varint on the wire; one that is sent counts, 0 too
    repeated: bool = False
    is_map: bool = False


Message = Mapping[int, Field]


def read_message(data: bytes, message: Message) -> Object:
    """Decode a message. Raises ValueError for what is malformed or not known."""
    value: Object = {}
    for number, raw in _read_fields(data):
        if number not in message:
            if raw:
                raise ValueError(f"protobuf field {number} is not known here")
            continue
        _set(value, message[number], raw)
    return value


def _set(value: Object, known: Field, raw: bytes | int) -> None:
    if isinstance(raw, int) is not known.is_number:
        raise ValueError(f"protobuf field {known.name} has another wire type")
    decoded = known.decode(raw)
    if known.is_map:
        entries = value.setdefault(known.name, {})
        entries[decoded.get("key", "")] = decoded.get("value", "")
    elif known.repeated:
        value.setdefault(known.name, []).append(decoded)
    elif decoded or known.is_number:
        value[known.name] = decoded


def _read_fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _read_varint(data, position)
            yield number, value
            continue
        length, position = _length(data, position, wire_type)
        if position + length > len(data):
            raise ValueError("a protobuf message ends within a field")
        yield number, data[position : position + length]
        position += length


def _length(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _LENGTH:
        return _read_varint(data, position)
    sizes = {_FIXED64: 8, _FIXED32: 4}
    if wire_type not in sizes:
        raise ValueError(f"protobuf wire type {wire_type} is not known here")
    return sizes[wire_type], position


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(_LONGEST_VARINT):
        if position + index >= len(data):
            break
        byte = data[position + index]
        value |= (byte & _LOW_BITS) << (7 * index)
        if not byte & _MORE:
            return value, position + index + 1
    raise ValueError("a protobuf message has a number without end")


def _as_text(raw: bytes) -> str:
    return raw.decode()


def _as_number(raw: int) -> int:
    return raw - (1 << 64) if raw & _SIGN_BIT else raw


def _as_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _as_time(raw: bytes) -> str:
    seconds = read_message(raw, {1: number("seconds"), 2: number("nanos")})
    if not seconds:
        return ""
    moment = datetime.fromtimestamp(seconds.get("seconds", 0), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def text(name: str) -> Field:
    """Say that a field is a string."""
    return Field(name, _as_text)


def texts(name: str) -> Field:
    """Say that a field is a list of strings."""
    return Field(name, _as_text, repeated=True)


def number(name: str) -> Field:
    """Say that a field is an integer."""
    return Field(name, _as_number, is_number=True)


def flag(name: str) -> Field:
    """Say that a field is a boolean."""
    return Field(name, bool, is_number=True)


def blob(name: str) -> Field:
    """Say that a field is bytes, which JSON spells in base64."""
    return Field(name, _as_base64)


def moment(name: str) -> Field:
    """Say that a field is a metav1.Time."""
    return Field(name, _as_time)


def nested(name: str, message: Message) -> Field:
    """Say that a field is a message of its own."""
    return Field(name, lambda raw: read_message(raw, message))


def nested_list(name: str, message: Message) -> Field:
    """Say that a field is a list of messages."""
    return Field(name, lambda raw: read_message(raw, message), repeated=True)


def mapping(name: str, of: Callable[[str], Field] = text) -> Field:
    """Say that a field is a map from strings."""
    entry = {1: text("key"), 2: of("value")}
    return Field(name, lambda raw: read_message(raw, entry), is_map=True)
