"""Collects objects whose owners are gone, and holds owners that wait for them.

An owner is known by its uid. It counts as absent when no object has that uid, or when
that object lies in another namespace or has another name than the reference says.
Source: the Kubernetes documentation, "Garbage Collection" and "Owners and Dependents".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from devcluster.kinds.catalog import Catalog
from devcluster.objects.json import Object
from devcluster.objects.metadata import FOREGROUND, ORPHAN
from devcluster.registry.options import DeleteOptions
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, ObjectKey, Stored
from devcluster.storage.store import Store


class _Place(NamedTuple):
    """Where an object lies in the store."""

    collection: str
    key: ObjectKey


class GarbageCollector:
    """Follows owner references through every collection."""

    def __init__(self, *, store: Store, registry: Registry, catalog: Catalog) -> None:
        self._store = store
        self._registry = registry
        self._catalog = catalog
        self._living: dict[str, _Place] = {}  # by uid
        self._dependents: dict[str, set[_Place]] = defaultdict(set)  # by owner's uid

    def handle(self, change: Change) -> None:
        """Keep the graph, then see who must go because of this change."""
        place = _Place(change.collection, change.current.key)
        self._index(change, place)
        if change.type is not ChangeType.DELETED:
            self._look_at(place)
            return
        for dependent in list(self._dependents.get(change.current.uid, ())):
            self._look_at(dependent)
        for owner in _owners(change.current):
            if owner["uid"] in self._living:
                self._look_at(self._living[owner["uid"]])

    def _index(self, change: Change, place: _Place) -> None:
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
        stored = self._store.collection(place.collection).get(place.key)
        if stored is None or not _concerns(stored):
            return
        value = stored.value()
        meta = value["metadata"]
        finalizers = meta.get("finalizers", ())
        if "deletionTimestamp" not in meta:
            self._judge(place, value)
        elif ORPHAN in finalizers:
            self._orphan_dependents(meta["uid"])
            self._release(place, ORPHAN)
        elif FOREGROUND in finalizers:
            self._collect_dependents(place, meta["uid"])

    def _judge(self, place: _Place, value: Object) -> None:
        """Let a dependent go when none of its owners stays."""
        owners = value["metadata"].get("ownerReferences", [])
        staying = [each for each in owners if self._stays(each, place.key.namespace)]
        if not owners or len(staying) == len(owners):
            return
        if not staying:
            self._delete(place)
            return
        value["metadata"]["ownerReferences"] = staying
        self._update(place, value)

    def _stays(self, reference: Object, namespace: str) -> bool:
        place = self._living.get(reference["uid"])
        stored = place and self._store.collection(place.collection).get(place.key)
        if place is None or stored is None or place.key.name != reference["name"]:
            return False
        if place.key.namespace not in {"", namespace}:
            return False
        meta = stored.value()["metadata"] if _concerns(stored) else {}
        return not (
            "deletionTimestamp" in meta and FOREGROUND in meta.get("finalizers", ())
        )

    def _collect_dependents(self, owner: _Place, uid: str) -> None:
        for dependent in list(self._dependents.get(uid, ())):
            self._look_at(dependent)
        if not any(self._blocking(uid)):
            self._release(owner, FOREGROUND)

    def _blocking(self, uid: str) -> Iterator[bool]:
        for place in self._dependents.get(uid, ()):
            stored = self._store.collection(place.collection).get(place.key)
            for owner in _owners(stored) if stored else ():
                yield owner["uid"] == uid and bool(owner.get("blockOwnerDeletion"))

    def _orphan_dependents(self, uid: str) -> None:
        for place in list(self._dependents.get(uid, ())):
            stored = self._store.collection(place.collection).get(place.key)
            if stored is None:
                continue
            value = stored.value()
            owners = value["metadata"].get("ownerReferences", [])
            kept = [each for each in owners if each["uid"] != uid]
            if len(kept) != len(owners):
                value["metadata"]["ownerReferences"] = kept
                self._update(place, value)

    def _release(self, place: _Place, finalizer: str) -> None:
        stored = self._store.collection(place.collection).get(place.key)
        if stored is None:
            return
        value = stored.value()
        finalizers = value["metadata"].get("finalizers", [])
        value["metadata"]["finalizers"] = [f for f in finalizers if f != finalizer]
        self._update(place, value)

    def _delete(self, place: _Place) -> None:
        resource = self._catalog.of_collection(place.collection)
        if resource is not None:
            self._registry.delete(resource, place.key, DeleteOptions())

    def _update(self, place: _Place, value: Object) -> None:
        for field in ("ownerReferences", "finalizers"):
            if not value["metadata"].get(field):
                value["metadata"].pop(field, None)
        resource = self._catalog.of_collection(place.collection)
        if resource is not None:
            self._registry.update(resource, place.key, value)


def _owners(stored: Stored) -> list[Object]:
    if b'"ownerReferences"' not in stored.raw:
        return []
    owners: list[Object] = stored.value()["metadata"].get("ownerReferences", [])
    return owners


def _concerns(stored: Stored) -> bool:
    """Say whether an object can matter here, without decoding it."""
    return b'"ownerReferences"' in stored.raw or b'"deletionTimestamp"' in stored.raw
