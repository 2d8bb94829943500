"""What every layer says about a Kubernetes object without knowing its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from vso_controller.foundation.secret import SecretData


# Stores, indexes and queues look keys up some twenty times for each event: a struct
# is hashed and compared in C, in a quarter of the time of a dataclass.
class ObjectKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """Names one object of a kind. Cluster-scoped objects have no namespace ("")."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Consumer(ObjectKey, frozen=True, order=True, gc=False):
    """Names a resource among those of all kinds: who uses a session, or a Secret.

    A VaultStaticSecret goes by its plain key.
    """

    kind: str  # in the singular and in small letters, as its controller is called


@dataclass(frozen=True, slots=True)
class ResourceType:
    """Where the API server keeps the objects of one kind."""

    group: str  # "" for the core group
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """One entry of `metadata.ownerReferences`.

    The two switches do not count when references are compared: they do not say
    who the owner is, but must survive when a list is written back.
    """

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = field(default=None, compare=False)
    block_owner_deletion: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A custom resource as the store keeps it.

    Metadata that triggers need is decoded; `spec` and `status` stay the JSON
    bytes they came in (own copies, not views of the page), b"" when absent.
    """

    key: ObjectKey
    uid: str
    resource_version: str
    generation: int
    spec: bytes = b""
    status: bytes = b""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """All that is kept of an object of which only the changes matter."""

    key: ObjectKey
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class ObservedSecret:
    """A Kubernetes Secret as the store keeps it: everything but its values.

    `digest` is a keyed digest of the data, made by the decoder;
    `data_keys` are the names in `data`, never their values.
    """

    key: ObjectKey
    uid: str
    resource_version: str
    type: str
    digest: bytes
    data_keys: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[OwnerReference, ...] = ()
    immutable: bool = False
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class OpenSecret:
    """A Kubernetes Secret with its values, for the few that are read for them."""

    key: ObjectKey
    uid: str
    resource_version: str
    data: SecretData
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A Kubernetes Secret to be created."""

    key: ObjectKey
    type: str
    data: SecretData
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[OwnerReference, ...] = ()
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class SecretPatch:
    """What changes in a Secret that was observed as `uid` and `resource_version`.

    A None value in `labels` or `annotations` removes that entry; what is not
    named stays. `data` (None: untouched) sets keys, `removed_keys` drops them.
    `owners` None leaves the owner references alone, else it is the whole list.
    """

    key: ObjectKey
    uid: str
    resource_version: str
    data: SecretData | None = None
    removed_keys: frozenset[str] = frozenset()
    labels: Mapping[str, str | None] = field(default_factory=dict)
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    owners: tuple[OwnerReference, ...] | None = None
