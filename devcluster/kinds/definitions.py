"""CustomResourceDefinitions: reading them, judging them, and the kinds they make.

What this server does not do (CEL rules, alternatives in schemas, webhook conversion,
scale, selectable fields) is refused when a definition asks for it, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from devcluster import errors
from devcluster.errors import Cause
from devcluster.kinds.resource import AGE, Column, Names, Resource
from devcluster.kinds.shapes import TYPE_META, BuiltinSchema
from devcluster.objects.json import Object
from devcluster.objects.schemas import ANYTHING, StructuralSchema

CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_SCOPES = ("Cluster", "Namespaced")
_REFUSED_KEYWORDS = re.compile(
    r"\$ref|definitions|(all|any|one)Of|not|multipleOf|exclusive(Max|Min)imum"
    r"|x-kubernetes-(embedded-resource|validations)"
)


class _Version(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    served: bool
    storage: bool
    schema: dict[Literal["openAPIV3Schema"], Object] = {}
    subresources: dict[Literal["status"], Object] = {}
    additional_printer_columns: tuple[Column, ...] = ()

    @property
    def root(self) -> Object:
        return self.schema.get("openAPIV3Schema", {})


class _Spec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    group: str
    names: Names
    scope: str
    versions: tuple[_Version, ...]
    conversion: dict[Literal["strategy"], Literal["None"]] = {}
    preserve_unknown_fields: Literal[False] = False


class _Definition(msgspec.Struct):
    metadata: dict[str, Any]
    spec: _Spec
    status: dict[str, Any] = {}


def resources_of(definition: Object) -> list[Resource]:
    """Return the kinds that a stored definition serves, one for each version."""
    spec = msgspec.convert(definition["spec"], _Spec)
    return [
        Resource(
            group=spec.group,
            version=version.name,
            names=spec.names,
            namespaced=spec.scope == "Namespaced",
            schema=StructuralSchema(_without_root_fields(version.root)),
            columns=version.additional_printer_columns or (AGE,),
            has_status="status" in version.subresources,
            has_generation=True,
            unconditional_update=False,
            custom=True,
        )
        for version in spec.versions
        if version.served
    ]


def _without_root_fields(schema: Object) -> Object:
    """Return the schema less what every object has and the server judges itself."""
    unjudged = dict.fromkeys(TYPE_META, ANYTHING)
    required = [each for each in schema.get("required", ()) if each not in TYPE_META]
    properties = schema.get("properties", {}) | unjudged
    return schema | {"properties": properties, "required": required}


def _fill(definition: Object) -> None:
    meta, spec = definition["metadata"], definition["spec"]
    kind = spec["names"]["kind"]
    spec["names"] = {"singular": kind.lower(), "listKind": f"{kind}List"} | spec[
        "names"
    ]
    if "deletionTimestamp" not in meta:
        # The definition stays until the objects of its kind are gone.
        others = set(meta.get("finalizers", ())) - {CLEANUP_FINALIZER}
        meta["finalizers"] = [*sorted(others), CLEANUP_FINALIZER]


def _judge(definition: _Definition) -> Iterator[Cause]:
    spec, name = definition.spec, definition.metadata.get("name")
    if name != f"{spec.names.plural}.{spec.group}":
        told = 'must be spec.names.plural+"."+spec.group'
        yield errors.invalid_value("metadata.name", name, told)
    if spec.scope not in _SCOPES:
        yield errors.unsupported("spec.scope", spec.scope, _SCOPES)
    if sum(version.storage for version in spec.versions) != 1:
        told = "must have exactly one version marked as storage version"
        yield errors.invalid_value("spec.versions", len(spec.versions), told)
    for index, version in enumerate(spec.versions):
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        if not version.root:
            yield errors.required(path, "schemas are required")
        yield from _schema_problems(version.root, path)


def _schema_problems(schema: Object, path: str) -> Iterator[Cause]:
    for keyword in filter(_REFUSED_KEYWORDS.fullmatch, schema):
        yield errors.forbidden_field(f"{path}.{keyword}", "not supported here")
    for name, inner in schema.get("properties", {}).items():
        yield from _schema_problems(inner, f"{path}.properties[{name}]")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from _schema_problems(schema[keyword], f"{path}.{keyword}")


DEFINITION = BuiltinSchema(_Definition, fill=_fill, judge=_judge)
