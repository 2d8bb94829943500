"""Tables: what `kubectl get` prints, made by the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from devcluster.clock import Now, age, parse_timestamp
from devcluster.http.forms import MetadataForm
from devcluster.kinds.resource import Column, Resource
from devcluster.objects.json import JSONValue, Object, encode
from devcluster.objects.jsonpath import Path, compile_path
from devcluster.storage.objects import Stored

_HEAD: Object = {"kind": "Table", "apiVersion": "meta.k8s.io/v1"}
_NAME_COLUMN = Column("Name", "string", ".metadata.name", format="name")


class Include(StrEnum):
    """How much of the object goes with each row."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"


@dataclass(frozen=True, slots=True)
class TableForm:
    """Objects as rows (a `Form`)."""

    resource: Resource
    include: Include
    now: Now
    _cells: tuple[Callable[[Object], JSONValue], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cells = tuple(_cell(column, self.now) for column in self._columns)
        object.__setattr__(self, "_cells", cells)

    @property
    def name(self) -> str:
        return f"Table {self.resource.api_version} {self.include}"

    @property
    def _columns(self) -> tuple[Column, ...]:
        return (_NAME_COLUMN, *self.resource.columns)

    def single(self, stored: Stored) -> bytes:
        metadata = {"resourceVersion": str(stored.revision)}
        return self.opening(metadata) + self.item(stored) + b"]}"

    def opening(self, metadata: Object) -> bytes:
        definitions = [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": column.description,
                "priority": column.priority,
            }
            for column in self._columns
        ]
        head = _HEAD | {"metadata": metadata, "columnDefinitions": definitions}
        return encode(head)[:-1] + b',"rows":['

    def item(self, stored: Stored) -> bytes:
        value = stored.value()
        cells = encode({"cells": [cell(value) for cell in self._cells]})
        return cells[:-1] + self._object(stored) + b"}"

    def bookmark(self, metadata: Object) -> bytes:
        return encode(
            _HEAD | {"metadata": metadata, "columnDefinitions": [], "rows": []}
        )

    def _object(self, stored: Stored) -> bytes:
        match self.include:
            case Include.NONE:
                return b""
            case Include.METADATA:
                return b',"object":' + MetadataForm().single(stored)
            case Include.OBJECT:
                return b',"object":' + self.resource.prefix + stored.raw[1:]


def _cell(column: Column, now: Now) -> Callable[[Object], JSONValue]:
    path: Path = compile_path(column.path)

    def show(value: Object) -> object:
        found = path(value)
        return _shown(column.type, found[0], now) if found else None

    return show


def _shown(column_type: str, found: JSONValue, now: Now) -> object:
    if column_type == "string":
        return _as_text(found)
    if column_type == "date":
        return _as_age(found, now)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if column_type == "integer" and is_number:
        return int(found)
    if column_type == "number" and is_number:
        return found
    return found if column_type == "boolean" and isinstance(found, bool) else None


def _as_text(found: object) -> str:
    return found if isinstance(found, str) else encode(found).decode()


def _as_age(found: object, now: Now) -> str | None:
    if not isinstance(found, str):
        return None
    try:
        return age(now() - parse_timestamp(found))
    except ValueError:
        return "<invalid>"
