"""Collects objects whose owners are gone, and holds owners that wait for them.

An owner is known by its uid. It counts as absent when no object has that uid, or when
that object lies in another namespace or has another name than the reference says.
Source: the Kubernetes documentation, "Garbage Collection" and "Owners and Dependents".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from devcluster.objects.json import Object
from devcluster.objects.metadata import FOREGROUND, ORPHAN
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, ObjectKey, Stored


class _Place(NamedTuple):
    """Where an object lies in the store."""

    collection: str
    key: ObjectKey


class GarbageCollector:
    """Follows owner references through every collection."""

    def __init__(self, *, registry: Registry) -> None:
        self._registry = registry
        self._living: dict[str, _Place] = {}  # by uid
        self._dependents: dict[str, set[_Place]] = defaultdict(set)  # by owner's uid
        # At once: an owner is judged by all dependents that are stored.
        registry.store.observe(self._index)

    def handle(self, change: Change) -> None:
        """See who must go because of this change."""
        if change.type is not ChangeType.DELETED:
            self._look_at(_Place(change.collection, change.current.key))
            return
        for dependent in list(self._dependents.get(change.current.uid, ())):
            self._look_at(dependent)
        for owner in _owners(change.current):
            if owner["uid"] in self._living:
                self._look_at(self._living[owner["uid"]])

    def _index(self, change: Change) -> None:
        place = _Place(change.collection, change.current.key)
        if change.previous is not None:
            for owner in _owners(change.previous):
                self._dependents[owner["uid"]].discard(place)
        if change.type is ChangeType.DELETED:
            self._living.pop(change.current.uid, None)
            return
        self._living[change.current.uid] = place
        for owner in _owners(change.current):
            self._dependents[owner["uid"]].add(place)

    def _look_at(self, place: _Place) -> None:
        stored = self._find(place)
        if stored is None:
            return
        if not stored.is_going:
            self._judge(place, stored)
        elif _has_finalizer(stored, ORPHAN):
            for dependent in list(self._dependents.get(stored.uid, ())):
                self._drop_owners(dependent, [stored.uid])
            self._release(place, ORPHAN)
        elif _has_finalizer(stored, FOREGROUND):
            self._collect_dependents(place, stored.uid)

    def _judge(self, place: _Place, stored: Stored) -> None:
        """Let a dependent go when none of its owners stays."""
        owners = _owners(stored)
        gone = [o["uid"] for o in owners if not self._stays(o, place.key.namespace)]
        if not gone:
            return
        if len(gone) < len(owners):
            self._drop_owners(place, gone)
        elif resource := self._registry.catalog.of_collection(place.collection):
            self._registry.delete(resource, place.key)

    def _stays(self, reference: Object, namespace: str) -> bool:
        place = self._living.get(reference["uid"])
        if place is None or place.key.name != reference["name"]:
            return False
        stored = self._find(place)
        if stored is None or place.key.namespace not in {"", namespace}:
            return False
        return not (stored.is_going and _has_finalizer(stored, FOREGROUND))

    def _collect_dependents(self, owner: _Place, uid: str) -> None:
        for dependent in list(self._dependents.get(uid, ())):
            self._look_at(dependent)
        if not any(self._blocks(each, uid) for each in self._dependents.get(uid, ())):
            self._release(owner, FOREGROUND)

    def _blocks(self, dependent: _Place, uid: str) -> bool:
        stored = self._find(dependent)
        owners = _owners(stored) if stored is not None else []
        return any(o["uid"] == uid and o.get("blockOwnerDeletion") for o in owners)

    def _drop_owners(self, place: _Place, uids: Sequence[str]) -> None:
        if stored := self._find(place):
            kept = [owner for owner in _owners(stored) if owner["uid"] not in uids]
            self._set_metadata(place, stored, "ownerReferences", kept)

    def _release(self, place: _Place, finalizer: str) -> None:
        if stored := self._find(place):
            finalizers = stored.value()["metadata"].get("finalizers", ())
            kept = [each for each in finalizers if each != finalizer]
            self._set_metadata(place, stored, "finalizers", kept)

    def _set_metadata(
        self, place: _Place, stored: Stored, field: str, kept: Sequence[object]
    ) -> None:
        value = stored.value()
        value["metadata"].pop(field, None)
        if kept:
            value["metadata"][field] = kept
        if resource := self._registry.catalog.of_collection(place.collection):
            self._registry.update(resource, place.key, value)

    def _find(self, place: _Place) -> Stored | None:
        return self._registry.store.collection(place.collection).get(place.key)


def _owners(stored: Stored) -> list[Object]:
    # Most objects have none, which is seen without decoding them.
    if b'"ownerReferences"' not in stored.raw:
        return []
    owners: list[Object] = stored.value()["metadata"].get("ownerReferences", [])
    return owners


def _has_finalizer(stored: Stored, finalizer: str) -> bool:
    return finalizer in stored.value()["metadata"].get("finalizers", ())
