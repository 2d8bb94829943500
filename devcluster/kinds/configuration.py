"""Secrets and ConfigMaps: their keys, their size, and what never changes in them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator

from devcluster.errors import (
    Cause,
    forbidden_field,
    immutable,
    invalid_value,
    required,
    too_long,
)
from devcluster.kinds.builtin import TEXTS, BuiltinSchema
from devcluster.objects.json import Object
from devcluster.objects.names import config_key_problem

_SIZE_LIMIT = 1024 * 1024  # bytes of all values, decoded
_OPAQUE = "Opaque"
_NO_LINE_ENDS = str.maketrans("", "", "\r\n")
_REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _normal_base64(field: str) -> Callable[[Object], None]:
    def normalise(value: Object) -> None:
        for key, text in value.get(field, {}).items():
            # Go's decoder skips line ends, which generators of YAML leave in.
            joined = text.translate(_NO_LINE_ENDS)
            try:
                base64.b64decode(joined, validate=True)
            except binascii.Error as error:
                raise ValueError(f"{field}[{key}]: illegal base64 data") from error
            value[field][key] = joined

    return normalise


def _fold_string_data(secret: Object) -> None:
    texts = secret.pop("stringData", {})
    if texts:
        encoded = {k: base64.b64encode(v.encode()).decode() for k, v in texts.items()}
        secret["data"] = secret.get("data", {}) | encoded
    secret.setdefault("type", _OPAQUE)


def _validate_secret(new: Object, old: Object | None) -> Iterator[Cause]:
    data = new.get("data", {})
    yield from _key_problems("data", data)
    yield from _size_problems("data", sum(map(_decoded_size, data.values())))
    for key in _REQUIRED_KEYS.get(new["type"], ()):
        if key not in data:
            yield required(f"data[{key}]")
    if old is None:
        return
    if new["type"] != old["type"]:
        yield immutable("type", new["type"])
    yield from _frozen(new, old, ("data",))


def _validate_config_map(new: Object, old: Object | None) -> Iterator[Cause]:
    texts, blobs = new.get("data", {}), new.get("binaryData", {})
    yield from _key_problems("data", texts)
    yield from _key_problems("binaryData", blobs)
    for key in sorted(texts.keys() & blobs.keys()):
        yield invalid_value(
            f"data[{key}]", key, "duplicate of key present in binaryData"
        )
    size = sum(len(text.encode()) for text in texts.values())
    yield from _size_problems("", size + sum(map(_decoded_size, blobs.values())))
    if old is not None:
        yield from _frozen(new, old, ("data", "binaryData"))


def _frozen(new: Object, old: Object, fields: tuple[str, ...]) -> Iterator[Cause]:
    if not old.get("immutable"):
        return
    detail = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield forbidden_field("immutable", detail)
    for field in fields:
        if new.get(field, {}) != old.get(field, {}):
            yield forbidden_field(field, detail)


def _key_problems(field: str, data: Object) -> Iterator[Cause]:
    for key in data:
        if problem := config_key_problem(key):
            yield invalid_value(f"{field}[{key}]", key, problem)


def _size_problems(field: str, size: int) -> Iterator[Cause]:
    if size > _SIZE_LIMIT:
        yield too_long(field, f"must have at most {_SIZE_LIMIT} bytes")


def _decoded_size(text: str) -> int:
    return len(text) // 4 * 3 - text.count("=", -2)


SECRET = BuiltinSchema(
    fields={"data": TEXTS, "stringData": TEXTS, "type": str, "immutable": bool},
    check=_normal_base64("data"),
    defaults=_fold_string_data,
    validator=_validate_secret,
)
CONFIG_MAP = BuiltinSchema(
    fields={"data": TEXTS, "binaryData": TEXTS, "immutable": bool},
    check=_normal_base64("binaryData"),
    validator=_validate_config_map,
)
