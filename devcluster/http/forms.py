"""The forms in which objects are shown: as they are, their metadata alone, or a table.

A form makes bytes of stored objects; which one is asked for stands in the Accept
header. Tables are what `kubectl get` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from devcluster.clock import Now, age
from devcluster.errors import ApiError
from devcluster.http.targets import Call
from devcluster.kinds.resource import Column, Resource
from devcluster.objects.json import JSONValue, Object, encode
from devcluster.objects.jsonpath import Path, compile_path
from devcluster.storage.objects import Stored

_META = "meta.k8s.io/v1"
_PARTIAL = encode({"kind": "PartialObjectMetadata", "apiVersion": _META})[:-1]
_TABLE: Object = {"kind": "Table", "apiVersion": _META}
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
        return self.resource.api_version

    def single(self, stored: Stored) -> bytes:
        """Show one object: the answer to a get, or the object of a watch event."""
        return self.resource.prefix + stored.raw[1:]

    def opening(self, metadata: Object) -> bytes:
        """Begin a list; items follow, then `]}`."""
        names, api_version = self.resource.names, self.resource.api_version
        head = {"kind": names.list_kind, "apiVersion": api_version}
        return encode(head | {"metadata": metadata})[:-1] + b',"items":['

    def item(self, stored: Stored) -> bytes:
        """Show one object within a list."""
        # A real server leaves kind and apiVersion out of the items of built-in kinds.
        return self.single(stored) if self.resource.custom else stored.raw

    def bookmark(self, metadata: Object) -> bytes:
        """Show an object that has nothing but this metadata."""
        return self.resource.prefix + encode({"metadata": metadata})[1:]


@dataclass(frozen=True, slots=True)
class MetadataForm(Form):
    """The metadata of objects, as PartialObjectMetadata."""

    @property
    def name(self) -> str:
        return "PartialObjectMetadata"

    def single(self, stored: Stored) -> bytes:
        return _PARTIAL + b',"metadata":' + stored.metadata() + b"}"

    def opening(self, metadata: Object) -> bytes:
        head = {"kind": "PartialObjectMetadataList", "apiVersion": _META}
        return encode(head | {"metadata": metadata})[:-1] + b',"items":['

    def item(self, stored: Stored) -> bytes:
        return self.single(stored)

    def bookmark(self, metadata: Object) -> bytes:
        return _PARTIAL + b',"metadata":' + encode(metadata) + b"}"


@dataclass(frozen=True, slots=True)
class TableForm(Form):
    """Objects as rows, each with its object in the `within` form."""

    within: Form
    now: Now
    paths: tuple[tuple[Column, Path], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = (_NAME, *self.resource.columns)
        paths = tuple((column, compile_path(column.json_path)) for column in columns)
        object.__setattr__(self, "paths", paths)

    @property
    def name(self) -> str:
        return f"Table {self.resource.api_version} {self.within.name}"

    def single(self, stored: Stored) -> bytes:
        metadata = {"resourceVersion": str(stored.revision)}
        return self.opening(metadata) + self.item(stored) + b"]}"

    def opening(self, metadata: Object) -> bytes:
        definitions = [msgspec.to_builtins(column) for column, _ in self.paths]
        head = _TABLE | {"metadata": metadata, "columnDefinitions": definitions}
        return encode(head)[:-1] + b',"rows":['

    def item(self, stored: Stored) -> bytes:
        value, now = stored.value(), self.now()
        cells = [_cell(column.type, path(value), now) for column, path in self.paths]
        shown = self.within.single(stored)
        return encode({"cells": cells})[:-1] + b',"object":' + shown + b"}"

    def bookmark(self, metadata: Object) -> bytes:
        return self.opening(metadata) + b"]}"


def choose_form(call: Call, now: Now, *, is_list: bool = False) -> Form:
    """Return the first form in the Accept header that is known. Raises ApiError (406).

    Without `is_list` what is shown are single objects.
    """
    metadata = "as=PartialObjectMetadataList" if is_list else "as=PartialObjectMetadata"
    plain, partial = Form(call.resource), MetadataForm(call.resource)
    for media_range in call.request.headers.get("Accept", "*/*").split(","):
        media_type, *parameters = (part.strip() for part in media_range.split(";"))
        asked = {each for each in parameters if each[:2] != "q="} - _IGNORED
        if media_type in _JSON and not asked:
            return plain
        if media_type in _JSON and asked == {metadata}:
            return partial
        if media_type in _JSON and asked == {"as=Table"}:
            is_whole = call.options.include_object == "Object"
            return TableForm(call.resource, plain if is_whole else partial, now)
    raise ApiError(
        HTTPStatus.NOT_ACCEPTABLE,
        "NotAcceptable",
        "only application/json is known, also as Table and as PartialObjectMetadata",
    )


def _cell(column_type: str, found: JSONValue, now: float) -> JSONValue:
    match column_type, found:
        case "date", str():
            return age(now, found)
        case "string", _ if found is not None and not isinstance(found, str):
            return encode(found).decode()
    return found
