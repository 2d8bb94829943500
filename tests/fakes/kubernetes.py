"""The writing side of an API server in memory, as the reconcilers see it.

Its stores are the real ones, and learn of each write as a watch would tell it.
`tests/e2e/test_fakes.py` holds it to what a real API server does.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

from vso_controller.domain import hmackey
from vso_controller.foundation.digest import digest_of
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.events import EventKind, EventSubject
from vso_controller.foundation.listwatch import EventType, Page, WatchEvent
from vso_controller.foundation.objects import (
    Envelope,
    NewSecret,
    ObjectKey,
    ObjectVersion,
    ObservedSecret,
    OpenSecret,
    ResourceType,
    SecretPatch,
)
from vso_controller.foundation.secret import SecretData
from vso_controller.kube.errors import AlreadyExists, AnswerLost, Conflict, NotFound
from vso_controller.reconcilers.unlabelled import version_of
from vso_controller.runtime.store import Handler, Store

DIGEST_KEY = b"a key of the tests"


@dataclass(frozen=True, slots=True)
class FakeWrite:
    """A write as it is shown to a gate."""

    verb: str
    resource: str
    key: ObjectKey


class Gate(Protocol):
    """Is asked about each write."""

    def check(self, write: FakeWrite) -> None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """An Event that was recorded."""

    about: ObjectKey
    kind: EventKind
    reason: str
    message: str


class FakeVersionStores:
    """The watches of metadata, one for each namespace that somebody asked for."""

    def __init__(self, kubernetes: FakeKubernetes) -> None:
        self._kubernetes = kubernetes
        self.synced = True  # False: asked for, but not filled yet
        self.stores: dict[str, Store[ObjectVersion]] = {}
        self.users: set[tuple[str, Hashable]] = set()
        self.handler: Handler[ObjectVersion] = lambda _old, _new: None

    def store(self, scope: str, *, user: Hashable) -> Store[ObjectVersion]:
        self.users.add((scope, user))
        if scope not in self.stores:
            store = self.stores[scope] = Store()
            if self.synced:
                there = self._kubernetes.secrets.values()
                store.replace(
                    [version_of(each) for each in there if each.key.namespace == scope],
                    self._kubernetes.next_version(),
                )
            store.add_handler(self._tell)
        return self.stores[scope]

    def release(self, scope: str, *, user: Hashable) -> None:
        self.users.discard((scope, user))

    def clear(self) -> None:
        self.users.clear()

    def _tell(self, old: ObjectVersion | None, new: ObjectVersion | None) -> None:
        self.handler(old, new)

    def tell(self, kind: EventType, secret: ObservedSecret) -> None:
        store = self.stores.get(secret.key.namespace)
        if store is not None:
            event = WatchEvent(kind, secret.resource_version, version_of(secret))
            store.apply(event)


class FakePages:
    """Lists the Secrets that have all of some labels, two a page."""

    def __init__(self, kubernetes: FakeKubernetes, labels: Mapping[str, str]) -> None:
        self._kubernetes = kubernetes
        self._labels = labels

    async def list_page(
        self, *, resource_version: str, continue_token: str
    ) -> Page[ObservedSecret]:
        await self._kubernetes._receive("list")
        found = [
            each
            for each in self._kubernetes.secrets.values()
            if self._labels.items() <= each.labels.items()
        ]
        start = int(continue_token or "0")
        rest = str(start + 2) if len(found) > start + 2 else ""
        return Page(tuple(found[start : start + 2]), "1", rest)


class FakeKubernetes:
    """Secrets, status writes and Events in memory; `writes` counts what changed.

    `failures` and `delays` have calls fail or take time, by their names here; what is
    in `passing` fails one call each, and `lost` has calls take effect and not be
    answered. `resources` are those whose status is written, by plural and key.
    """

    def __init__(self) -> None:
        self.watched: Store[ObservedSecret] = Store()
        self.versions = FakeVersionStores(self)
        # Those of the Secret that replicas watch for its value.
        self.key_stores: list[Store[OpenSecret]] = []
        self.values: dict[ObjectKey, dict[str, bytes]] = {}
        self.secrets: dict[ObjectKey, ObservedSecret] = {}
        self.finalized: set[ObjectKey] = set()  # Secrets that a finalizer holds
        self.told: list[Told] = []
        self.writes = 0
        self.reads = 0
        self.opened = 0  # Secrets that were read with their values
        self.failures: dict[str, OperationFailed] = {}
        self.delays: dict[str, float] = {}  # seconds
        self.passing: dict[str, list[OperationFailed]] = {}
        self.lost: Counter[str] = Counter()  # how many answers more
        self.resources: dict[tuple[str, ObjectKey], Envelope] = {}
        self.gate: Gate | None = None
        self._versions = count(1)

    def next_version(self) -> str:
        """Return the resourceVersion of one more change of anything."""
        return str(next(self._versions))

    async def read(self, key: ObjectKey) -> ObservedSecret | None:
        await self._receive("read")
        self.reads += 1
        return self.secrets.get(key)

    async def read_data(self, key: ObjectKey) -> SecretData:
        await self._receive("read_data")
        if key not in self.values:
            raise NotFound(f"get secrets {key}")
        return SecretData(dict(self.values[key]))

    async def read_open(self, key: ObjectKey) -> OpenSecret:
        data = await self.read_data(key)
        self.opened += 1
        secret = self.secrets[key]
        return OpenSecret(
            key=key,
            uid=secret.uid,
            resource_version=secret.resource_version,
            data=data,
            labels=secret.labels,
            annotations=secret.annotations,
        )

    async def try_out(self, write: NewSecret | SecretPatch) -> None:
        await self._receive("try_out", write.key)
        if isinstance(write, SecretPatch):
            self._expect(write.key, write.resource_version)
        elif write.key in self.secrets:
            raise AlreadyExists(f"create secrets {write.key}")

    async def create(self, secret: NewSecret) -> ObservedSecret:
        await self._receive("create", secret.key)
        if secret.key in self.secrets:
            raise AlreadyExists(f"create secrets {secret.key}")
        version = next(self._versions)
        observed = ObservedSecret(
            key=secret.key,
            uid=f"uid-{version}",
            resource_version=str(version),
            type=secret.type,
            digest=b"",
            labels=dict(secret.labels),
            annotations=dict(secret.annotations),
            owners=secret.owners,
            immutable=secret.immutable,
        )
        created = self._store(observed, secret.data.reveal())
        self._answer("create")
        return created

    async def patch(self, patch: SecretPatch) -> ObservedSecret:
        await self._receive("patch", patch.key)
        before = self._expect(patch.key, patch.resource_version)
        data = {
            key: value
            for key, value in self.values[patch.key].items()
            if key not in patch.removed_keys
        }
        if patch.data is not None:
            data |= patch.data.reveal()
        after = replace(
            before,
            resource_version=self.next_version(),
            labels=_overlaid(before.labels, patch.labels),
            annotations=_overlaid(before.annotations, patch.annotations),
            owners=before.owners if patch.owners is None else patch.owners,
        )
        patched = self._store(after, data)
        self._answer("patch")
        return patched

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        successor: NewSecret | None = None,
    ) -> ObservedSecret | None:
        await self._receive("delete", key)
        before = self._expect(key, resource_version)
        if before.uid != uid:
            raise Conflict(f"delete secrets {key}")
        if key not in self.finalized:
            self.remove(key)
            return None
        version = self.next_version()
        left = replace(before, deleting=True, resource_version=version)
        return self._store(left, self.values[key])

    def remove(self, key: ObjectKey) -> None:
        """Delete a Secret, as anybody might."""
        gone = replace(self.secrets.pop(key), resource_version=self.next_version())
        del self.values[key]
        self.writes += 1
        self._tell(EventType.DELETED, gone)

    def edit(self, key: ObjectKey, **data: bytes) -> None:
        """Change values of a Secret, as anybody might."""
        before = self.secrets[key]
        after = replace(before, resource_version=self.next_version())
        self._store(after, {**self.values[key], **data})

    def relabel(self, key: ObjectKey, labels: Mapping[str, str]) -> None:
        """Change the labels of a Secret, as anybody might."""
        before = self.secrets[key]
        self._tell(
            EventType.DELETED, replace(before, resource_version=self.next_version())
        )
        self._store(replace(before, labels=labels), self.values[key])

    def put(self, secret: ObservedSecret, data: Mapping[str, bytes]) -> None:
        """Have a Secret of anybody's in the cluster."""
        self._store(replace(secret, resource_version=self.next_version()), data)

    async def current(self, resource: ResourceType, key: ObjectKey) -> Envelope | None:
        await self._receive("current")
        self.reads += 1
        return self.resources.get((resource.plural, key))

    async def write(
        self, resource: ResourceType, envelope: Envelope, status: Mapping[str, object]
    ) -> Envelope:
        """Write a status; merges as the API server does."""
        await self._receive("write", envelope.key, f"{resource.plural}/status")
        place = (resource.plural, envelope.key)
        before = self.resources.get(place)
        if before is None:
            raise NotFound(f"patch {resource.plural} {envelope.key}")
        if before.resource_version != envelope.resource_version:
            raise Conflict(f"patch {resource.plural} {envelope.key}")
        merged = json.loads(before.status or b"{}") | status
        kept = {name: value for name, value in merged.items() if value is not None}
        self.writes += 1
        after = self.resources[place] = replace(
            before,
            status=json.dumps(kept).encode(),
            resource_version=self.next_version(),
        )
        self._answer("write")
        return after

    async def write_finalizers(
        self, resource: ResourceType, envelope: Envelope, finalizers: Sequence[str]
    ) -> Envelope:
        """Write finalizers; the last one that goes takes along what is deleted."""
        await self._receive("write", envelope.key, resource.plural)
        place = (resource.plural, envelope.key)
        before = self.resources.get(place)
        if before is None:
            raise NotFound(f"patch {resource.plural} {envelope.key}")
        if before.resource_version != envelope.resource_version:
            raise Conflict(f"patch {resource.plural} {envelope.key}")
        self.writes += 1
        after = self.resources[place] = replace(
            before,
            finalizers=tuple(finalizers),
            resource_version=self.next_version(),
        )
        if after.deleting and not after.finalizers:
            del self.resources[place]
        return after

    def record(
        self, about: EventSubject, *, kind: EventKind, reason: str, message: str
    ) -> None:
        self.told.append(Told(about.key, kind, reason, message))

    async def _receive(
        self, call: str, written: ObjectKey | None = None, resource: str = "secrets"
    ) -> None:
        if written is not None and self.gate is not None:
            verb = "patch" if call == "write" else call
            self.gate.check(FakeWrite(verb, resource, written))
        if delay := self.delays.get(call):
            await asyncio.sleep(delay)
        if passing := self.passing.get(call):
            raise passing.pop(0)
        if failure := self.failures.get(call):
            raise failure

    def _answer(self, call: str) -> None:
        if self.lost[call] > 0:
            self.lost[call] -= 1
            raise AnswerLost(f"{call}: sent, and no answer")

    def _expect(self, key: ObjectKey, resource_version: str) -> ObservedSecret:
        if key not in self.secrets:
            raise NotFound(f"secrets {key}")
        if self.secrets[key].resource_version != resource_version:
            raise Conflict(f"secrets {key}")
        return self.secrets[key]

    def _store(
        self, secret: ObservedSecret, data: Mapping[str, bytes]
    ) -> ObservedSecret:
        stored = replace(
            secret, digest=digest_of(data, DIGEST_KEY), data_keys=frozenset(data)
        )
        self.writes += 1
        self.secrets[secret.key] = stored
        self.values[secret.key] = dict(data)
        self._tell(EventType.MODIFIED, stored)
        return stored

    def _tell(self, kind: EventType, secret: ObservedSecret) -> None:
        self.versions.tell(kind, secret)
        if secret.key.name == hmackey.NAME:
            self._tell_key(kind, secret)
        if "secrets.hashicorp.com/vso-ownerRefUID" in secret.labels:
            self.watched.apply(WatchEvent(kind, secret.resource_version, secret))

    def _tell_key(self, kind: EventType, secret: ObservedSecret) -> None:
        data = SecretData(dict(self.values.get(secret.key, {})))
        version = secret.resource_version
        for store in self.key_stores:
            opened = OpenSecret(secret.key, secret.uid, version, data)
            store.apply(WatchEvent(kind, version, opened))


def _overlaid(
    before: Mapping[str, str], changes: Mapping[str, str | None]
) -> dict[str, str]:
    merged = {**before, **changes}
    return {name: value for name, value in merged.items() if value is not None}
