"""The forms in which objects are shown: as they are, or their metadata alone.

A form makes bytes of stored objects. Tables, the third form, are in `tables`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object, encode
from devcluster.storage.objects import Stored

_META_VERSION = "meta.k8s.io/v1"


class Form(Protocol):
    """A way to show the objects of one kind."""

    @property
    def name(self) -> str:
        """What distinguishes this form of the kind from its others."""
        ...

    def single(self, stored: Stored) -> bytes:
        """Show one object: the answer to a get, or the object of a watch event."""
        ...

    def opening(self, metadata: Object) -> bytes:
        """Begin a list; items follow, then `]}`."""
        ...

    def item(self, stored: Stored) -> bytes:
        """Show one object within a list."""
        ...

    def bookmark(self, metadata: Object) -> bytes:
        """Show an object that has nothing but this metadata."""
        ...


@dataclass(frozen=True, slots=True)
class PlainForm:
    """Objects as they are."""

    resource: Resource

    @property
    def name(self) -> str:
        return self.resource.api_version

    def single(self, stored: Stored) -> bytes:
        return self.resource.prefix + stored.raw[1:]

    def opening(self, metadata: Object) -> bytes:
        return _opening(
            self.resource.names.list_kind, self.resource.api_version, metadata
        )

    def item(self, stored: Stored) -> bytes:
        # A real server leaves kind and apiVersion out of the items of built-in kinds.
        return self.single(stored) if self.resource.custom else stored.raw

    def bookmark(self, metadata: Object) -> bytes:
        return self.resource.prefix + encode({"metadata": metadata})[1:]


@dataclass(frozen=True, slots=True)
class MetadataForm:
    """The metadata of objects, as PartialObjectMetadata."""

    name: str = "PartialObjectMetadata"

    def single(self, stored: Stored) -> bytes:
        return _PARTIAL + b'"metadata":' + stored.metadata() + b"}"

    def opening(self, metadata: Object) -> bytes:
        return _opening("PartialObjectMetadataList", _META_VERSION, metadata)

    def item(self, stored: Stored) -> bytes:
        return self.single(stored)

    def bookmark(self, metadata: Object) -> bytes:
        return _PARTIAL + b'"metadata":' + encode(metadata) + b"}"


_PARTIAL = (
    encode({"kind": "PartialObjectMetadata", "apiVersion": _META_VERSION})[:-1] + b","
)


def _opening(kind: str, api_version: str, metadata: Object) -> bytes:
    head = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return encode(head)[:-1] + b',"items":['
