"""CustomResourceDefinitions: reading them, judging them, and the kinds they make.

What this server does not do (CEL rules, webhook conversion, scale, selectable fields)
is refused when a definition asks for it, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import msgspec

from devcluster.errors import (
    Cause,
    forbidden_field,
    immutable,
    invalid_value,
    qualified,
    required,
    unsupported,
)
from devcluster.kinds.builtin import BuiltinSchema
from devcluster.kinds.resource import AGE, Column, Names, Resource
from devcluster.objects.json import Object
from devcluster.objects.jsonpath import compile_path
from devcluster.objects.structural import fill_defaults, prune
from devcluster.objects.validation import validate

GROUP = "apiextensions.k8s.io"
CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})
_REFUSED_KEYWORDS = ("x-kubernetes-validations", "$ref", "definitions")


class _Names(msgspec.Struct, rename="camel"):
    plural: str
    kind: str
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class _Column(msgspec.Struct, rename="camel"):
    name: str
    type: str
    json_path: str
    format: str = ""
    description: str = ""
    priority: int = 0


class _Schema(msgspec.Struct):
    root: dict[str, Any] | None = msgspec.field(default=None, name="openAPIV3Schema")


class _Version(msgspec.Struct, rename="camel"):
    name: str
    served: bool
    storage: bool
    schema: _Schema | None = None
    subresources: dict[str, Any] = {}
    additional_printer_columns: tuple[_Column, ...] = ()
    selectable_fields: list[Any] = []
    deprecated: bool = False
    deprecation_warning: str = ""


class _Spec(msgspec.Struct, rename="camel"):
    group: str
    names: _Names
    scope: str
    versions: tuple[_Version, ...]
    conversion: dict[str, Any] = {}
    preserve_unknown_fields: bool = False


@dataclass(frozen=True, slots=True)
class CustomSchema:
    """The schema of one version of a custom kind (a `Schema`)."""

    root: Object

    def prune(self, value: Object) -> list[str]:
        body = _body(value)
        unknown = prune(body, self.root)
        _replace_body(value, body)
        return unknown

    def default(self, value: Object) -> None:
        body = _body(value)
        fill_defaults(body, self.root)
        _replace_body(value, body)

    def validate(self, new: Object, old: Object | None) -> list[Cause]:  # noqa: ARG002 - the Protocol names it
        return list(validate(_body(new), self.root))


def resources_of(definition: Object) -> list[Resource]:
    """Return the kinds that a stored definition serves, one for each version."""
    spec = msgspec.convert(definition["spec"], _Spec)
    names = Names(
        kind=spec.names.kind,
        plural=spec.names.plural,
        singular=spec.names.singular,
        list_kind=spec.names.list_kind,
        short=spec.names.short_names,
        categories=spec.names.categories,
    )
    return [
        _resource(spec, names, version) for version in spec.versions if version.served
    ]


def _resource(spec: _Spec, names: Names, version: _Version) -> Resource:
    columns = tuple(
        Column(
            each.name,
            each.type,
            each.json_path,
            each.format,
            each.description,
            each.priority,
        )
        for each in version.additional_printer_columns
    )
    return Resource(
        group=spec.group,
        version=version.name,
        names=names,
        namespaced=spec.scope == "Namespaced",
        schema=CustomSchema(_without_root_fields(version)),
        columns=columns or (AGE,),
        has_status="status" in version.subresources,
        has_generation=True,
        unconditional_update=False,
        custom=True,
    )


def _body(value: Object) -> Object:
    return {key: each for key, each in value.items() if key not in _ROOT_FIELDS}


def _replace_body(value: Object, body: Object) -> None:
    for key in value.keys() - body.keys() - _ROOT_FIELDS:
        del value[key]
    value.update(body)


def _without_root_fields(version: _Version) -> Object:
    """Return the schema less what every object has and this server judges itself."""
    root = deepcopy((version.schema and version.schema.root) or {})
    for field in _ROOT_FIELDS:
        root.get("properties", {}).pop(field, None)
    root["required"] = [
        each for each in root.get("required", ()) if each not in _ROOT_FIELDS
    ]
    return root


def _check(definition: Object) -> None:
    try:
        msgspec.convert(definition.get("spec"), _Spec)
    except msgspec.ValidationError as error:
        raise ValueError(f"spec: {error}") from error


def _fill(definition: Object) -> None:
    names = definition["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    definition["spec"].setdefault("conversion", {"strategy": "None"})


def hold_until_cleaned_up(definition: Object) -> None:
    """Keep a definition until the objects of its kind are gone."""
    finalizers = definition["metadata"].setdefault("finalizers", [])
    if CLEANUP_FINALIZER not in finalizers:
        finalizers.append(CLEANUP_FINALIZER)


def _validate_definition(new: Object, old: Object | None) -> Iterator[Cause]:
    spec = msgspec.convert(new["spec"], _Spec)
    name = new["metadata"].get("name")
    if name != qualified(spec.group, spec.names.plural):
        yield invalid_value(
            "metadata.name", name, 'must be spec.names.plural+"."+spec.group'
        )
    if spec.scope not in {"Cluster", "Namespaced"}:
        yield unsupported("spec.scope", spec.scope, ["Cluster", "Namespaced"])
    if spec.preserve_unknown_fields:
        yield invalid_value(
            "spec.preserveUnknownFields", True, "must be false in order to use v1"
        )
    if spec.conversion.get("strategy") != "None":
        yield unsupported(
            "spec.conversion.strategy", spec.conversion.get("strategy"), ["None"]
        )
    if sum(version.storage for version in spec.versions) != 1:
        yield invalid_value(
            "spec.versions",
            [version.name for version in spec.versions],
            "must have exactly one version marked as storage version",
        )
    for index, version in enumerate(spec.versions):
        yield from _version_problems(version, f"spec.versions[{index}]")
    if old is not None:
        yield from _definition_changes_refused(new["spec"], old["spec"])


def _definition_changes_refused(new: Object, old: Object) -> Iterator[Cause]:
    if new["group"] != old["group"]:
        yield immutable("spec.group", new["group"])
    if new["scope"] != old["scope"]:
        yield immutable("spec.scope", new["scope"])
    for field in ("plural", "kind"):
        if new["names"][field] != old["names"][field]:
            yield immutable(f"spec.names.{field}", new["names"][field])


def _version_problems(version: _Version, path: str) -> Iterator[Cause]:
    place = f"{path}.schema.openAPIV3Schema"
    root = version.schema and version.schema.root
    if not root:
        yield required(place, "schemas are required")
    else:
        if root.get("type") != "object":
            yield invalid_value(f"{place}.type", root.get("type"), "must be object")
        yield from _schema_problems(root, place)
    for name in version.subresources.keys() - {"status"}:
        yield forbidden_field(f"{path}.subresources.{name}", "not supported here")
    if version.selectable_fields:
        yield forbidden_field(f"{path}.selectableFields", "not supported here")
    for index, column in enumerate(version.additional_printer_columns):
        try:
            compile_path(column.json_path)
        except ValueError as error:
            where = f"{path}.additionalPrinterColumns[{index}].jsonPath"
            yield invalid_value(where, column.json_path, str(error))


def _schema_problems(schema: Object, path: str) -> Iterator[Cause]:
    for keyword in _REFUSED_KEYWORDS:
        if keyword in schema:
            yield forbidden_field(f"{path}.{keyword}", "not supported here")
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except re.error as error:
            yield invalid_value(f"{path}.pattern", schema["pattern"], str(error))
    for where, inner in _inner_schemas(schema):
        yield from _schema_problems(inner, f"{path}.{where}")


def _inner_schemas(schema: Object) -> Iterator[tuple[str, Object]]:
    for name, inner in schema.get("properties", {}).items():
        yield f"properties[{name}]", inner
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(keyword), dict):
            yield keyword, schema[keyword]
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, inner in enumerate(schema.get(keyword, ())):
            yield f"{keyword}[{index}]", inner


CUSTOM_RESOURCE_DEFINITION = BuiltinSchema(
    fields={"spec": dict[str, Any], "status": dict[str, Any]},
    check=_check,
    defaults=_fill,
    validator=_validate_definition,
)
