"""Validation of custom resources against their structural schema.

The words are those of kube-apiserver. `format` is not checked: a server ignores
formats it does not know, and no promise hangs on the few it knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from devcluster.errors import (
    Cause,
    duplicate,
    invalid_value,
    required,
    spell,
    unsupported,
)
from devcluster.objects.json import JSONValue, Object
from devcluster.objects.structural import PRESERVE, field_schema

INT_OR_STRING = "x-kubernetes-int-or-string"
_LIST_TYPE = "x-kubernetes-list-type"
_LIST_KEYS = "x-kubernetes-list-map-keys"

_TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

# A bound, how a value is measured against it, and how its breach is told.
_Bound = tuple[str, Callable[[JSONValue, JSONValue], bool], str]
_OF_STRINGS: tuple[_Bound, ...] = (
    ("maxLength", lambda v, n: len(v) <= n, "should be at most {} chars long"),
    ("minLength", lambda v, n: len(v) >= n, "should be at least {} chars long"),
    ("pattern", lambda v, p: re.search(p, v) is not None, "should match '{}'"),
)
_OF_ARRAYS: tuple[_Bound, ...] = (
    ("minItems", lambda v, n: len(v) >= n, "should have at least {} items"),
    ("maxItems", lambda v, n: len(v) <= n, "should have at most {} items"),
)
_OF_OBJECTS: tuple[_Bound, ...] = (
    ("minProperties", lambda v, n: len(v) >= n, "should have at least {} properties"),
    ("maxProperties", lambda v, n: len(v) <= n, "should have at most {} properties"),
)


def validate(value: JSONValue, schema: Object, path: str = "") -> Iterator[Cause]:
    """Yield a cause for each place where the value is not what the schema asks."""
    if value is None and schema.get("nullable"):
        return
    wanted = _wanted_types(schema)
    found = _type_name(value)
    if wanted and not _is_one_of(found, wanted):
        told = f"must be of type {','.join(wanted)}: {spell(found)}"
        yield invalid_value(path, found, f"{path} in body {told}")
        return
    if "enum" in schema and value not in schema["enum"]:
        yield unsupported(path, value, schema["enum"])
    yield from _validate_typed(value, schema, path)
    yield from _validate_branches(value, schema, path)


def _wanted_types(schema: Object) -> tuple[str, ...]:
    if schema.get(INT_OR_STRING):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


def _type_name(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _TYPE_NAMES[type(value)]


def _is_one_of(found: str, wanted: tuple[str, ...]) -> bool:
    return found in wanted or (found == "integer" and "number" in wanted)


def _validate_typed(value: JSONValue, schema: Object, path: str) -> Iterator[Cause]:
    match value:
        case bool() | None:
            return
        case str():
            yield from _check(_OF_STRINGS, value, value, schema, path)
        case int() | float():
            yield from _validate_number(value, schema, path)
        case list():
            yield from _check(_OF_ARRAYS, value, len(value), schema, path)
            yield from _validate_items(value, schema, path)
        case dict():
            yield from _check(_OF_OBJECTS, value, len(value), schema, path)
            yield from _validate_fields(value, schema, path)


def _check(
    bounds: tuple[_Bound, ...],
    value: JSONValue,
    shown: object,
    schema: Object,
    path: str,
) -> Iterator[Cause]:
    for key, holds, told in bounds:
        if key in schema and not holds(value, schema[key]):
            yield invalid_value(
                path, shown, f"{path} in body {told}".format(schema[key])
            )


def _validate_number(value: float, schema: Object, path: str) -> Iterator[Cause]:
    low, high = schema.get("minimum"), schema.get("maximum")
    factor = schema.get("multipleOf")
    told = ""
    if factor is not None and value % factor:
        yield invalid_value(
            path, value, f"{path} in body should be a multiple of {factor}"
        )
    if high is not None and schema.get("exclusiveMaximum") and value >= high:
        told = f"less than {high}"
    elif high is not None and value > high:
        told = f"less than or equal to {high}"
    elif low is not None and schema.get("exclusiveMinimum") and value <= low:
        told = f"greater than {low}"
    elif low is not None and value < low:
        told = f"greater than or equal to {low}"
    if told:
        yield invalid_value(path, value, f"{path} in body should be {told}")


def _validate_items(
    value: list[JSONValue], schema: Object, path: str
) -> Iterator[Cause]:
    for index, item in enumerate(value):
        yield from validate(item, schema.get("items") or {}, f"{path}[{index}]")
    if schema.get(_LIST_TYPE) not in {"set", "map"}:
        return
    keys = schema.get(_LIST_KEYS)
    seen: list[object] = []
    for index, item in enumerate(value):
        identity = item
        if keys and isinstance(item, dict):
            identity = {key: item.get(key) for key in keys}
        if identity in seen:
            yield duplicate(f"{path}[{index}]", identity)
        seen.append(identity)


def _validate_fields(value: Object, schema: Object, path: str) -> Iterator[Cause]:
    for key in schema.get("required", ()):
        if key not in value:
            yield required(f"{path}.{key}" if path else key)
    for key, each in value.items():
        inner = field_schema(schema, key)
        if inner is not None and inner != {PRESERVE: True}:
            yield from validate(each, inner, f"{path}.{key}" if path else key)


def _validate_branches(value: JSONValue, schema: Object, path: str) -> Iterator[Cause]:
    for branch in schema.get("allOf", ()):
        yield from validate(value, branch, path)
    if "anyOf" in schema and not _valid_count(value, schema["anyOf"], path):
        yield _branch_cause(path, "must validate at least one schema (anyOf)")
    if "oneOf" in schema:
        count = _valid_count(value, schema["oneOf"], path)
        rule = "must validate one and only one schema (oneOf)."
        if count != 1:
            found = f"Found {count} valid alternatives" if count else "Found none valid"
            yield _branch_cause(path, f"{rule} {found}")
    if "not" in schema and not any(validate(value, schema["not"], path)):
        yield _branch_cause(path, "must not validate the schema (not)")


def _valid_count(value: JSONValue, branches: list[Object], path: str) -> int:
    return sum(not any(validate(value, branch, path)) for branch in branches)


def _branch_cause(path: str, rule: str) -> Cause:
    return invalid_value("<nil>", "", f'"{path}" {rule}')
