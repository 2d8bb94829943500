"""The protobuf that kubectl sends with its typed commands, read as JSON.

`kubectl create token`, `auth can-i`, `create secret` and the like send protobuf and
nothing else. Kinds and fields that are not named here are refused, for they would be
lost. Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

import msgspec

from devcluster.objects.json import JSONValue, Object

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _LENGTH = 0, 2
_MORE = 0x80
_LOW_BITS = 0x7F

_TABLE = msgspec.yaml.decode(Path(__file__).with_suffix(".yaml").read_bytes())
_MESSAGES: Mapping[str, Mapping[int, str]] = {
    name: dict(enumerate(fields.split(), 1)) for name, fields in _TABLE.items()
}


def decode_object(document: bytes) -> Object:
    """Return the object in a Kubernetes protobuf envelope as JSON has it.

    Raises ValueError for what is malformed or not known here.
    """
    if not document.startswith(_MAGIC):
        raise ValueError("the protobuf document does not begin as Kubernetes' do")
    envelope = _read(document.removeprefix(_MAGIC), "Envelope")
    type_meta: Object = envelope.get("typeMeta", {})
    return type_meta | _read(envelope.get("raw", b""), str(type_meta.get("kind")))


def _read(data: bytes, message: str) -> Object:
    if message not in _MESSAGES:
        raise ValueError(f"{message!r} is not read from protobuf here, send JSON")
    value: Object = {}
    for number, raw in _fields(data):
        name, _, of = _MESSAGES[message].get(number, "-").partition(":")
        if name != "-":
            _set(value, name, of, raw)
        elif raw:
            raise ValueError(f"protobuf field {number} of {message} is not known here")
    return value


def _set(value: Object, name: str, of: str, raw: bytes | int) -> None:
    if of.endswith("[]"):
        value.setdefault(name, []).append(_convert(raw, of[:-2]))
    elif of.endswith("{}"):
        entry = dict(_fields(raw if isinstance(raw, bytes) else b""))
        key, content = entry.get(1, b""), entry.get(2, b"")
        value.setdefault(name, {})[_convert(key, "")] = _convert(content, of[:-2])
    elif raw or isinstance(raw, int):  # Go's JSON leaves out what is empty
        value[name] = _convert(raw, of)


def _convert(raw: bytes | int, of: str) -> JSONValue:
    if isinstance(raw, int):
        return bool(raw) if of == "bool" else raw
    if of in {"", "text"}:
        return raw.decode()
    if of == "bytes":
        return base64.b64encode(raw).decode()
    return raw if of == "raw" else _read(raw, of)


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    octets = iter(data)
    for first in octets:
        number, wire_type = divmod(_varint(chain((first,), octets)), 8)
        if wire_type not in {_VARINT, _LENGTH}:
            raise ValueError(f"protobuf wire type {wire_type} is not known here")
        size = _varint(octets)
        content = size if wire_type == _VARINT else bytes(islice(octets, size))
        if isinstance(content, bytes) and len(content) < size:
            raise ValueError("a protobuf message ends within a field")
        yield number, content


def _varint(octets: Iterator[int]) -> int:
    value = 0
    for shift, octet in zip(range(0, 70, 7), octets, strict=False):
        value |= (octet & _LOW_BITS) << shift
        if octet < _MORE:
            return value
    raise ValueError("a protobuf message has a number without end")
