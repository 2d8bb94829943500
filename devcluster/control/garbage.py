"""Collects objects whose owners are gone, and holds owners that wait for them.

An owner is known by its uid. It counts as absent when no object has that uid, or when
that object lies in another namespace or has another name than the reference says.
Source: the Kubernetes documentation, "Garbage Collection" and "Owners and Dependents".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence

from devcluster.objects.json import Object
from devcluster.objects.metadata import FOREGROUND, ORPHAN
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, Stored


class GarbageCollector:
    """Follows owner references through every collection."""

    def __init__(self, *, registry: Registry) -> None:
        self._registry = registry
        # By uid, each with the collection it lies in.
        self._living: dict[str, tuple[str, Stored]] = {}
        self._dependents: dict[str, set[str]] = defaultdict(set)  # by owner's uid
        # At once: an owner is judged by all dependents that are stored.
        registry.store.observe(self._index)

    def handle(self, change: Change) -> None:
        """See who must go because of this change."""
        uid = change.current.uid
        self._look_at(uid)
        if change.type is ChangeType.DELETED:
            owners = [owner["uid"] for owner in change.current.owners]
            for other in (*self._dependents_of(uid), *owners):
                self._look_at(other)

    def _index(self, change: Change) -> None:
        uid = change.current.uid
        for owner in change.previous.owners if change.previous else ():
            self._dependents[owner["uid"]].discard(uid)
        if change.type is ChangeType.DELETED:
            self._living.pop(uid, None)
            return
        self._living[uid] = change.collection, change.current
        for owner in change.current.owners:
            self._dependents[owner["uid"]].add(uid)

    def _dependents_of(self, uid: str) -> list[str]:
        return list(self._dependents.get(uid, ()))

    def _look_at(self, uid: str) -> None:
        if uid not in self._living:
            return
        _, stored = self._living[uid]
        if not stored.is_going:
            self._judge(uid)
            return
        if ORPHAN in stored.finalizers:
            for dependent in self._dependents_of(uid):
                self._drop_owners(dependent, {uid})
            self._release(uid, ORPHAN)
        elif FOREGROUND in stored.finalizers:
            for dependent in self._dependents_of(uid):
                self._judge(dependent)
            if not any(self._blocks(each, uid) for each in self._dependents_of(uid)):
                self._release(uid, FOREGROUND)

    def _judge(self, uid: str) -> None:
        """Let a dependent go when none of its owners stays."""
        collection, stored = self._living[uid]
        gone = {o["uid"] for o in stored.owners if not self._stays(o, stored)}
        if gone and not all(owner["uid"] in gone for owner in stored.owners):
            self._drop_owners(uid, gone)
        elif gone and (resource := self._registry.catalog.of_collection(collection)):
            self._registry.delete(resource, stored.key)

    def _stays(self, reference: Object, dependent: Stored) -> bool:
        if reference["uid"] not in self._living:
            return False
        _, owner = self._living[reference["uid"]]
        is_meant = owner.key.name == reference["name"]
        is_in_reach = owner.key.namespace in {"", dependent.key.namespace}
        takes_along = owner.is_going and FOREGROUND in owner.finalizers
        return is_meant and is_in_reach and not takes_along

    def _blocks(self, dependent: str, uid: str) -> bool:
        _, stored = self._living[dependent]
        owners = [owner for owner in stored.owners if owner["uid"] == uid]
        return any(owner.get("blockOwnerDeletion") for owner in owners)

    def _drop_owners(self, uid: str, gone: Container[str]) -> None:
        _, stored = self._living[uid]
        kept = [owner for owner in stored.owners if owner["uid"] not in gone]
        self._set_metadata(uid, "ownerReferences", kept)

    def _release(self, uid: str, finalizer: str) -> None:
        _, stored = self._living[uid]
        kept = [each for each in stored.finalizers if each != finalizer]
        self._set_metadata(uid, "finalizers", kept)

    def _set_metadata(self, uid: str, field: str, kept: Sequence[object]) -> None:
        collection, stored = self._living[uid]
        value = stored.value()
        value["metadata"].pop(field, None)
        if kept:
            value["metadata"][field] = kept
        if resource := self._registry.catalog.of_collection(collection):
            self._registry.update(resource, stored.key, value)
