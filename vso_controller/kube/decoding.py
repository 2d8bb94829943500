"""From the JSON of lists, watch events and objects to what the stores keep.

This is the hot path: a restart decodes every resource of the cluster. Metadata
becomes typed fields, spec and status stay JSON bytes, all the rest (managed
fields first) is skipped unparsed. What is kept are copies: `msgspec.Raw` is a
view, and one that is kept would keep its whole page.

The values of Secrets are digested here and dropped, but for the one Secret that is
watched for its value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

import msgspec

from vso_controller.foundation.digest import Digest
from vso_controller.foundation.listwatch import EventType, Page, WatchEvent
from vso_controller.foundation.objects import (
    Envelope,
    ObjectKey,
    ObjectVersion,
    ObservedSecret,
    OpenSecret,
    OwnerReference,
)
from vso_controller.foundation.secret import Secret, SecretData
from vso_controller.kube.errors import UnreadableAnswer, UnreadableEvent
from vso_controller.kube.statuses import failure, read_status


class Versioned(Protocol):
    """What a store keeps of an object knows the version it was."""

    @property
    def resource_version(self) -> str: ...


T = TypeVar("T")
V = TypeVar("V", bound=Versioned)

# It repeats the object, and of a Secret that means its values. When it changes, so
# does what it repeats.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Marks the bookmark after the initial events of a watch.
INITIAL_EVENTS_END = "k8s.io/initial-events-end"

_NO_ENTRIES: Mapping[str, str] = MappingProxyType({})
_ERROR = "ERROR"


class _Owner(msgspec.Struct, rename="camel", gc=False):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class _Metadata(msgspec.Struct, rename="camel", gc=False):
    name: str
    resource_version: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None
    finalizers: list[str] | None = None
    deletion_timestamp: str | None = None


class _Kind(msgspec.Struct, gc=False):
    kind: str = ""


class _Resource(msgspec.Struct, gc=False):
    metadata: _Metadata
    spec: msgspec.Raw = msgspec.Raw()
    status: msgspec.Raw = msgspec.Raw()


class _KubernetesSecret(msgspec.Struct, gc=False):
    metadata: _Metadata
    type: str = "Opaque"
    data: dict[str, bytes] | None = None
    immutable: bool | None = None


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str
    continue_token: str = msgspec.field(name="continue", default="")


class _ResourceList(msgspec.Struct):
    metadata: _ListMetadata
    items: list[_Resource] | None = None


class _SecretList(msgspec.Struct):
    metadata: _ListMetadata
    items: list[_KubernetesSecret] | None = None


class _Identity(msgspec.Struct, rename="camel", gc=False):
    name: str
    resource_version: str
    namespace: str = ""
    uid: str = ""


class _MetadataOnly(msgspec.Struct, gc=False):
    metadata: _Identity


class _MetadataList(msgspec.Struct):
    metadata: _ListMetadata
    items: list[_MetadataOnly] | None = None


class _BookmarkMetadata(msgspec.Struct, rename="camel"):
    resource_version: str
    annotations: dict[str, str] | None = None


class _Bookmark(msgspec.Struct):
    """What a bookmark carries: the version up to which nothing is missing."""

    metadata: _BookmarkMetadata


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Decoder(Protocol[V]):
    """Turns the JSON of one kind into what its store keeps.

    Both methods raise UnreadableAnswer, whose message quotes no value.
    """

    def page(self, document: bytes) -> Page[V]:
        """Decode a page of a list."""
        ...

    def item(self, document: bytes | msgspec.Raw) -> V:
        """Decode one object."""
        ...


class EnvelopeDecoder:
    """Decodes custom resources, of any kind."""

    def page(self, document: bytes) -> Page[Envelope]:
        read = _decode(_RESOURCE_LISTS, document)
        return Page(
            items=tuple(map(_envelope, read.items or ())),
            resource_version=read.metadata.resource_version,
            continue_token=read.metadata.continue_token,
        )

    def item(self, document: bytes | msgspec.Raw) -> Envelope:
        return _envelope(_decode(_RESOURCES, document))


class VersionDecoder:
    """Decodes what is asked for as metadata alone, and keeps the version of it."""

    def page(self, document: bytes) -> Page[ObjectVersion]:
        read = _decode(_METADATA_LISTS, document)
        return Page(
            items=tuple(_version(each.metadata) for each in read.items or ()),
            resource_version=read.metadata.resource_version,
            continue_token=read.metadata.continue_token,
        )

    def item(self, document: bytes | msgspec.Raw) -> ObjectVersion:
        return _version(_decode(_METADATA, document).metadata)


class SecretDecoder:
    """Decodes Secrets, and keeps what `digest` makes of their data."""

    def __init__(self, *, digest: Digest) -> None:
        self._digest = digest

    def page(self, document: bytes) -> Page[ObservedSecret]:
        read = _decode(_SECRET_LISTS, document)
        return Page(
            items=tuple(map(self._observed, read.items or ())),
            resource_version=read.metadata.resource_version,
            continue_token=read.metadata.continue_token,
        )

    def item(self, document: bytes | msgspec.Raw) -> ObservedSecret:
        return self._observed(_decode(_SECRETS, document))

    def _observed(self, read: _KubernetesSecret) -> ObservedSecret:
        data = read.data or {}
        metadata = read.metadata
        return ObservedSecret(
            key=_key(metadata),
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            type=sys.intern(read.type),
            digest=self._digest(data),
            data_keys=frozenset(data),
            labels=metadata.labels or _NO_ENTRIES,
            annotations=_annotations(metadata),
            owners=_owners(metadata),
            immutable=bool(read.immutable),
            deleting=metadata.deletion_timestamp is not None,
        )


class OpenSecretDecoder:
    """Decodes Secrets, and keeps their values."""

    def page(self, document: bytes) -> Page[OpenSecret]:
        read = _decode(_SECRET_LISTS, document)
        return Page(
            items=tuple(map(_opened, read.items or ())),
            resource_version=read.metadata.resource_version,
            continue_token=read.metadata.continue_token,
        )

    def item(self, document: bytes | msgspec.Raw) -> OpenSecret:
        return _opened(_decode(_SECRETS, document))


def secret_data(document: bytes) -> SecretData:
    """Decode the data of one Secret. Raises UnreadableAnswer."""
    return Secret(_decode(_SECRETS, document).data or {})


def is_status(document: bytes) -> bool:
    """Tell whether an answer is a `Status`, not an object. Raises UnreadableAnswer.

    A deletion is answered so when it removed the object at once.
    """
    return _decode(_KINDS, document).kind == "Status"


def watch_event(line: bytes, decoder: Decoder[V], *, call: str) -> WatchEvent[V]:
    """Decode one line of the watch `call`.

    An ERROR event is raised as what its Status means. Raises UnreadableEvent for a
    line that is no event, and for a type nobody knows: the same watch would bring it
    again, so only a list leads past it.
    """
    try:
        event = _decode(_EVENTS, line)
        if event.type != _ERROR:
            return _told(event, decoder)
    except UnreadableAnswer as error:
        raise UnreadableEvent(f"{call}: {error}") from error
    except ValueError as error:
        raise UnreadableEvent(f"{call}: an event of unknown type") from error
    status = read_status(bytes(event.object))
    raise failure(call, status, code=status.code)


def _told(event: _Event, decoder: Decoder[V]) -> WatchEvent[V]:
    kind = EventType(event.type)
    if kind is EventType.BOOKMARK:
        return _bookmark(_decode(_BOOKMARKS, event.object).metadata)
    item = decoder.item(event.object)
    return WatchEvent(kind, item.resource_version, item)


def _bookmark(metadata: _BookmarkMetadata) -> WatchEvent[V]:
    marks = metadata.annotations or _NO_ENTRIES
    return WatchEvent(
        EventType.BOOKMARK,
        metadata.resource_version,
        ends_initial_events=marks.get(INITIAL_EVENTS_END) == "true",
    )


def _envelope(read: _Resource) -> Envelope:
    metadata = read.metadata
    return Envelope(
        key=_key(metadata),
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        generation=metadata.generation,
        spec=_copied(read.spec),
        status=_copied(read.status),
        labels=metadata.labels or _NO_ENTRIES,
        annotations=_annotations(metadata),
        owners=_owners(metadata),
        finalizers=tuple(map(sys.intern, metadata.finalizers or ())),
        deleting=metadata.deletion_timestamp is not None,
    )


def _opened(read: _KubernetesSecret) -> OpenSecret:
    metadata = read.metadata
    return OpenSecret(
        key=_key(metadata),
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        data=Secret(read.data or {}),
        labels=metadata.labels or _NO_ENTRIES,
        annotations=_annotations(metadata),
    )


def _copied(document: msgspec.Raw) -> bytes:
    copy = bytes(document)
    return b"" if copy == b"null" else copy


def _key(metadata: _Metadata) -> ObjectKey:
    return ObjectKey(sys.intern(metadata.namespace), metadata.name)


def _version(metadata: _Identity) -> ObjectVersion:
    return ObjectVersion(
        key=ObjectKey(metadata.namespace, metadata.name),
        uid=metadata.uid,
        resource_version=metadata.resource_version,
    )


def _annotations(metadata: _Metadata) -> Mapping[str, str]:
    annotations = metadata.annotations or {}
    annotations.pop(LAST_APPLIED, None)
    return annotations or _NO_ENTRIES


def _owners(metadata: _Metadata) -> tuple[OwnerReference, ...]:
    return tuple(
        OwnerReference(
            api_version=sys.intern(owner.api_version),
            kind=sys.intern(owner.kind),
            name=owner.name,
            uid=owner.uid,
            controller=owner.controller,
            block_owner_deletion=owner.block_owner_deletion,
        )
        for owner in metadata.owner_references or ()
    )


def _decode(decoder: msgspec.json.Decoder[T], document: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnswer(f"the API server's answer: {error}") from error


_KINDS = msgspec.json.Decoder(_Kind)
_RESOURCES = msgspec.json.Decoder(_Resource)
_RESOURCE_LISTS = msgspec.json.Decoder(_ResourceList)
_SECRETS = msgspec.json.Decoder(_KubernetesSecret)
_SECRET_LISTS = msgspec.json.Decoder(_SecretList)
_METADATA = msgspec.json.Decoder(_MetadataOnly)
_METADATA_LISTS = msgspec.json.Decoder(_MetadataList)
_BOOKMARKS = msgspec.json.Decoder(_Bookmark)
_EVENTS = msgspec.json.Decoder(_Event)
