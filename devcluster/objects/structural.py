"""Structural schemas of custom resources: pruning and defaulting.

A schema is the `openAPIV3Schema` of a version as the CRD holds it. Source: the
Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions"
(field pruning, defaulting and nullable).
"""

from __future__ import annotations

from copy import deepcopy

from devcluster.objects.json import JSONValue, Object

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
_TYPE_META = ("apiVersion", "kind", "metadata")


def prune(value: JSONValue, schema: Object, path: str = "") -> list[str]:
    """Remove fields that the schema does not name. Return their paths."""
    match value:
        case dict():
            return _prune_object(value, schema, path)
        case list() if isinstance(schema.get("items"), dict):
            items = schema["items"]
            found = (prune(v, items, f"{path}[{i}]") for i, v in enumerate(value))
            return [unknown for each in found for unknown in each]
    return []


def _prune_object(value: Object, schema: Object, path: str) -> list[str]:
    unknown = []
    for key in list(value):
        inner = field_schema(schema, key)
        place = f"{path}.{key}" if path else key
        if inner is not None:
            unknown += prune(value[key], inner, place)
        elif not _kept_unnamed(schema, key):
            del value[key]
            unknown.append(place)
    return unknown


def field_schema(schema: Object, key: str) -> Object | None:
    """Return what the schema says of one field, None where it says nothing."""
    named: Object | None = schema.get("properties", {}).get(key)
    if named is not None:
        return named
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        return additional
    return {PRESERVE: True} if additional is True else None


def _kept_unnamed(schema: Object, key: str) -> bool:
    return bool(schema.get(PRESERVE)) or (
        bool(schema.get(EMBEDDED)) and key in _TYPE_META
    )


def fill_defaults(value: JSONValue, schema: Object) -> None:
    """Drop nulls that are not allowed, then set what is absent and has a default."""
    match value:
        case dict():
            _drop_nulls(value, schema)
            for key, inner in schema.get("properties", {}).items():
                if key not in value and "default" in inner:
                    value[key] = deepcopy(inner["default"])
            for key, each in value.items():
                fill_defaults(each, field_schema(schema, key) or {})
        case list() if isinstance(schema.get("items"), dict):
            for item in value:
                fill_defaults(item, schema["items"])


def _drop_nulls(value: Object, schema: Object) -> None:
    nulls = [key for key, each in value.items() if each is None]
    for key in nulls:
        inner = field_schema(schema, key)
        if inner is not None and not inner.get("nullable") and not inner.get(PRESERVE):
            del value[key]
