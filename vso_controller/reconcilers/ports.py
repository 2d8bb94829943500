"""What reconcilers need from their neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.domain.transformation import TemplateSource
from vso_controller.foundation import intentions
from vso_controller.foundation.events import EventKind, EventSubject
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.objects import (
    Envelope,
    NewSecret,
    ObjectKey,
    ObservedSecret,
    ResourceType,
    SecretPatch,
)
from vso_controller.foundation.secret import Secret, SecretData

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Write(Protocol[T_contra]):
    """One write of ours that is under way."""

    def landed(self, item: T_contra, /) -> None:
        """Tell the store what the server answered."""
        ...

    def deleted(self, item: T_contra, /) -> None:
        """Tell the store that the object is gone by our doing, as it was last seen."""
        ...


class Cache(Protocol[T]):
    """The store of a kind, which also learns of our own writes."""

    def get(self, key: ObjectKey) -> T | None:
        """Return the object as it was last seen."""
        ...

    def writing(self, key: ObjectKey) -> AbstractContextManager[Write[T]]:
        """Hold back what the watch tells of `key` until our write has landed."""
        ...

    def by_index(self, name: str, value: str) -> Iterable[T]:
        """Return the objects that the index lists under `value`."""
        ...


class Secrets(Protocol):
    """Kubernetes Secrets, live. Raises the tree of `kube.errors`."""

    async def read(self, key: ObjectKey) -> ObservedSecret | None: ...
    async def create(self, secret: NewSecret) -> ObservedSecret: ...
    async def patch(self, patch: SecretPatch) -> ObservedSecret: ...
    async def try_out(self, write: NewSecret | SecretPatch) -> None: ...
    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        successor: NewSecret | None = None,
    ) -> ObservedSecret | None: ...


class Gate(Protocol):
    """Raises what keeps a change from leaving, be it of Kubernetes or of Vault."""

    def check(self, write: intentions.Write) -> None: ...


class Finalizers(Protocol):
    """Writes the finalizers of a resource where it is still what was seen.

    Raises Conflict where it is not, and NotFound.
    """

    async def write_finalizers(
        self, resource: ResourceType, envelope: Envelope, finalizers: Sequence[str]
    ) -> Envelope: ...


class StatusWriter(Protocol):
    """Writes `status` where the resource is still what was seen.

    Raises the tree of `kube.errors`.
    """

    async def current(
        self, resource: ResourceType, key: ObjectKey
    ) -> Envelope | None: ...
    async def write(
        self, resource: ResourceType, envelope: Envelope, status: Mapping[str, object]
    ) -> Envelope: ...


class Events(Protocol):
    """Tells people what happened. Never waits and may drop."""

    def record(
        self, about: EventSubject, *, kind: EventKind, reason: str, message: str
    ) -> None: ...


class ResourceMetrics(Protocol):
    """Counts how resources are."""

    def resource_ready(self, kind: str, key: ObjectKey, ready: bool) -> None: ...
    def resource_gone(self, kind: str, key: ObjectKey) -> None: ...


class Sessions(Protocol):
    """Logged-in sessions for consumers. Raises Refusal where there can be none."""

    async def open(
        self, consumer: ObjectKey, auth_reference: str | None, *, since: float
    ) -> ConsumerSession:
        """Its reads may share what was asked at `since` (loop clock) or later."""
        ...

    def release(self, consumer: ObjectKey) -> None: ...


class Resources(Protocol):
    """The resources of a kind, as far as they are only looked at."""

    def get(self, key: ObjectKey) -> Envelope | None:
        """Return the resource as it was last seen."""
        ...


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """What templates see."""

    secrets: Secret[dict[str, JSONValue]]
    metadata: Secret[dict[str, JSONValue]]
    annotations: Mapping[str, str]
    labels: Mapping[str, str]


class CompiledTemplates(Protocol):
    """Templates of one resource that could be read."""

    @property
    def is_slow(self) -> bool:
        """Whether rendering takes so long that it belongs into a thread."""
        ...

    @property
    def is_deterministic(self) -> bool:
        """Whether the same input renders the same each time."""
        ...

    def render(self, visible: TemplateInput) -> SecretData:
        """Return what each key renders to. Raises Refusal (TemplateFailed)."""
        ...


class Renderer(Protocol):
    """Reads templates."""

    def compile(self, templates: Sequence[TemplateSource]) -> CompiledTemplates:
        """Return them ready to be rendered, from memory if they were read before.

        Raises Refusal (TransformationInvalid) with where in which template and why.
        """
        ...
