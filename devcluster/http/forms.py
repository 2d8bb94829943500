"""The forms in which objects are shown: as they are, their metadata alone, or a table.

A form makes bytes of stored objects; which one is asked for stands in the Accept
header. Tables are what `kubectl get` prints.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from devcluster.clock import Outside, age
from devcluster.errors import ApiError
from devcluster.http.calls import Call
from devcluster.kinds.resource import Column, Resource
from devcluster.objects.json import JSONValue, Object, encode
from devcluster.objects.jsonpath import compile_path
from devcluster.storage.objects import Stored

_META = "meta.k8s.io/v1"
_PARTIAL = encode({"kind": "PartialObjectMetadata", "apiVersion": _META})[:-1]
_NAME = Column("Name", "string", ".metadata.name", format="name")
_JSON = frozenset({"application/json", "application/*", "*/*"})
_IGNORED = frozenset({"", "v=v1", "g=meta.k8s.io", "charset=utf-8", "stream=watch"})


@dataclass(frozen=True, slots=True)
class Form:
    """Objects as they are."""

    resource: Resource

    @property
    def name(self) -> str:
        """What distinguishes this form of the kind from its others."""
        return f"{type(self).__name__} {self.resource.api_version}"

    def single(self, stored: Stored) -> bytes:
        """Show one object: the answer to a get, or the object of a watch event."""
        return self.resource.prefix + stored.raw[1:]

    def opening(self, metadata: Object) -> bytes:
        """Begin a list; items follow, then `]}`."""
        names, api_version = self.resource.names, self.resource.api_version
        kind = names.list_kind or f"{names.kind}List"
        return _opening(kind, api_version, "items", metadata=metadata)

    def item(self, stored: Stored) -> bytes:
        """Show one object within a list."""
        # A real server leaves kind and apiVersion out of the items of built-in kinds.
        return self.single(stored) if self.resource.custom else stored.raw


@dataclass(frozen=True, slots=True)
class MetadataForm(Form):
    """The metadata of objects, as PartialObjectMetadata."""

    def single(self, stored: Stored) -> bytes:
        return _PARTIAL + b',"metadata":' + encode(stored.value()["metadata"]) + b"}"

    def opening(self, metadata: Object) -> bytes:
        kind = "PartialObjectMetadataList"
        return _opening(kind, _META, "items", metadata=metadata)

    def item(self, stored: Stored) -> bytes:
        return self.single(stored)


@dataclass(frozen=True, slots=True)
class TableForm(Form):
    """Objects as rows, each with its object in the `within` form."""

    within: Form
    outside: Outside

    @property
    def name(self) -> str:
        return f"{type(self).__name__} {self.within.name}"

    def single(self, stored: Stored) -> bytes:
        metadata = {"resourceVersion": str(stored.revision)}
        return self.opening(metadata) + self.item(stored) + b"]}"

    def opening(self, metadata: Object) -> bytes:
        columns = msgspec.to_builtins((_NAME, *self.resource.columns))
        fields = {"metadata": metadata, "columnDefinitions": columns}
        return _opening("Table", _META, "rows", **fields)

    def item(self, stored: Stored) -> bytes:
        value, now = stored.value(), self.outside.now()
        columns = (_NAME, *self.resource.columns)
        cells = [_cell(column, value, now) for column in columns]
        shown = self.within.single(stored)
        return encode({"cells": cells})[:-1] + b',"object":' + shown + b"}"


def choose_form(call: Call, *, is_list: bool = False) -> Form:
    """Return the first form in the Accept header that is known. Raises ApiError (406).

    Without `is_list` what is shown are single objects.
    """
    metadata = "as=PartialObjectMetadataList" if is_list else "as=PartialObjectMetadata"
    plain, partial = Form(call.resource), MetadataForm(call.resource)
    within = plain if call.options.include_object == "Object" else partial
    table = TableForm(call.resource, within, call.registry.outside)
    forms = {"": plain, metadata: partial, "as=Table": table}
    for media_range in call.request.headers.get("Accept", "*/*").split(","):
        media_type, *parameters = (part.strip() for part in media_range.split(";"))
        asked = {each for each in parameters if each[:2] != "q="} - _IGNORED
        if media_type in _JSON and ";".join(asked) in forms:
            return forms[";".join(asked)]
    told = "only application/json is known, also as Table and as PartialObjectMetadata"
    raise ApiError("NotAcceptable", told)


def _opening(kind: str, api_version: str, items: str, **fields: object) -> bytes:
    head = {"kind": kind, "apiVersion": api_version} | fields
    return encode(head)[:-1] + f',"{items}":['.encode()


def _cell(column: Column, value: Object, now: float) -> JSONValue:
    found = compile_path(column.json_path)(value)
    if column.type == "date" and isinstance(found, str):
        return age(now, found)
    is_shown = found is None or isinstance(found, str) or column.type != "string"
    return found if is_shown else encode(found).decode()
