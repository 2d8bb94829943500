"""Structural schemas of custom resources: pruning, defaults and validation.

A schema is the `openAPIV3Schema` of a version as the CRD holds it. The words are those
of kube-apiserver. `format` is not checked.
Source: the Kubernetes documentation, "Extend the Kubernetes API with
CustomResourceDefinitions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from devcluster import errors
from devcluster.errors import Cause
from devcluster.objects.json import JSONValue, Object

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_SETS = frozenset({"set", "map"})
_TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
# The path of a value, itself and its schema.
_Part = tuple[str, JSONValue, "StructuralSchema"]
ANYTHING: Object = {_PRESERVE: True}

# A bound, the type it is of, how a value is measured against it, how a breach is told.
_Bound = tuple[str, tuple[type, ...], Callable[[JSONValue, JSONValue], bool], str]
_NUMBERS = (int, float)
_BOUNDS: tuple[_Bound, ...] = (
    ("maxLength", (str,), lambda v, n: len(v) <= n, "at most {} chars long"),
    ("minLength", (str,), lambda v, n: len(v) >= n, "at least {} chars long"),
    ("pattern", (str,), lambda v, p: bool(re.search(p, v)), "a match of '{}'"),
    ("maximum", _NUMBERS, lambda v, n: v <= n, "less than or equal to {}"),
    ("minimum", _NUMBERS, lambda v, n: v >= n, "greater than or equal to {}"),
    ("minItems", (list,), lambda v, n: len(v) >= n, "of at least {} items"),
    ("maxItems", (list,), lambda v, n: len(v) <= n, "of at most {} items"),
    ("minProperties", (dict,), lambda v, n: len(v) >= n, "of at least {} properties"),
    ("maxProperties", (dict,), lambda v, n: len(v) <= n, "of at most {} properties"),
)


@dataclass(frozen=True, slots=True)
class StructuralSchema:
    """A schema, or the part of one that a value within an object has."""

    root: Object

    def prune(self, value: JSONValue, path: str = "") -> list[str]:
        """Remove fields that the schema does not name. Return their paths."""
        fields = list(value) if isinstance(value, dict) else []
        unknown = [key for key in fields if self._of_field(key) is None]
        for key in unknown:
            del value[key]
        removed = [_join(path, key) for key in unknown]
        for place, each, inner in self._inside(value, path):
            removed += inner.prune(each, place)
        return removed

    def default(self, value: JSONValue) -> None:
        """Drop nulls that are not allowed, then set what is absent by its default."""
        if isinstance(value, dict):
            for key in [key for key, each in value.items() if each is None]:
                inner = self._of_field(key) or ANYTHING
                if not inner.get("nullable") and not inner.get(_PRESERVE):
                    del value[key]
            for key, inner in self.root.get("properties", {}).items():
                if key not in value and "default" in inner:
                    value[key] = deepcopy(inner["default"])
        for _, each, below in self._inside(value, ""):
            below.default(each)

    def problems(self, value: JSONValue, path: str = "") -> Iterator[Cause]:
        """Yield a cause for each place where the value is not what the schema asks."""
        schema, found = self.root, _type_name(value)
        if value is None and schema.get("nullable"):
            return
        wanted = _wanted_types(schema)
        if wanted and found not in wanted and (found, *wanted) != ("integer", "number"):
            told = f"must be of type {','.join(wanted)}: {errors.spell(found)}"
            yield errors.invalid_value(path, found, f"{path} in body {told}")
            return
        if "enum" in schema and value not in schema["enum"]:
            yield errors.unsupported(path, value, schema["enum"])
        yield from _breaches(value, schema, path)
        if isinstance(value, dict):
            missing = [key for key in schema.get("required", ()) if key not in value]
            yield from (errors.required(_join(path, key)) for key in missing)
        if isinstance(value, list) and schema.get("x-kubernetes-list-type") in _SETS:
            yield from _repetitions(value, schema, path)
        for place, each, inner in self._inside(value, path):
            yield from inner.problems(each, place)

    def _of_field(self, key: str) -> Object | None:
        """Return what the schema says of one field, None where there can be none."""
        named: Object | None = self.root.get("properties", {}).get(key)
        additional = self.root.get("additionalProperties") or self.root.get(_PRESERVE)
        if named is not None or not additional:
            return named
        return additional if isinstance(additional, dict) else ANYTHING

    def _inside(self, value: JSONValue, path: str) -> Iterator[_Part]:
        """Yield what lies directly in a value."""
        if isinstance(value, list) and "items" in self.root:
            inner = StructuralSchema(self.root["items"])
            for index, item in enumerate(value):
                yield f"{path}[{index}]", item, inner
        if isinstance(value, dict):
            for key, each in value.items():
                if (found := self._of_field(key)) is not None:
                    yield _join(path, key), each, StructuralSchema(found)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _wanted_types(schema: Object) -> tuple[str, ...]:
    if schema.get(_INT_OR_STRING):
        return ("integer", "string")
    return (schema["type"],) if "type" in schema else ()


def _type_name(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _TYPE_NAMES[type(value)]


def _breaches(value: JSONValue, schema: Object, path: str) -> Iterator[Cause]:
    for keyword, types, holds, told in _BOUNDS:
        bound = schema.get(keyword)
        if bound is None or type(value) not in types or holds(value, bound):
            continue
        shown = len(value) if isinstance(value, list | dict) else value
        rule = f"{path} in body should be {told.format(bound)}"
        yield errors.invalid_value(path, shown, rule)


def _repetitions(items: JSONValue, schema: Object, path: str) -> Iterator[Cause]:
    """Yield the items of a set that are there already; of a map, by its keys."""
    keys = schema.get("x-kubernetes-list-map-keys")
    identities = [{k: item.get(k) for k in keys} if keys else item for item in items]
    for index, identity in enumerate(identities):
        if identity in identities[:index]:
            yield errors.duplicate(f"{path}[{index}]", identity)
