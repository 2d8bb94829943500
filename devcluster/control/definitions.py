"""Serves what CustomResourceDefinitions define, and cleans up after them."""

from __future__ import annotations

from devcluster.clock import Now, timestamp
from devcluster.kinds.builtins import DEFINITIONS
from devcluster.kinds.catalog import Catalog
from devcluster.kinds.definitions import CLEANUP_FINALIZER, resources_of
from devcluster.objects.json import Object
from devcluster.registry.options import DeleteOptions
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, ObjectKey
from devcluster.storage.store import Store


class DefinitionController:
    """Keeps the catalog equal to the stored definitions."""

    def __init__(
        self, *, store: Store, registry: Registry, catalog: Catalog, now: Now
    ) -> None:
        self._store = store
        self._registry = registry
        self._catalog = catalog
        self._now = now

    def handle(self, change: Change) -> None:
        """Serve a definition, or take away a kind that goes."""
        if change.collection == DEFINITIONS.collection:
            if change.type is ChangeType.DELETED:
                self._stop_serving(change.current.key.name)
            else:
                self._reconcile(change.current.key.name)
        elif change.type is ChangeType.DELETED:
            self._reconcile(change.collection)

    def _reconcile(self, name: str) -> None:
        stored = self._store.collection(DEFINITIONS.collection).get(ObjectKey("", name))
        if stored is None:
            return
        definition = stored.value()
        if "deletionTimestamp" in definition["metadata"]:
            self._clean_up(stored.key, definition)
        else:
            self._serve(stored.key, definition)

    def _serve(self, key: ObjectKey, definition: Object) -> None:
        self._catalog.remove(key.name)
        self._catalog.add(resources_of(definition))
        status = _status(definition, timestamp(self._now()))
        if definition.get("status") != status:
            definition["status"] = status
            self._registry.update_status(DEFINITIONS, key, definition)

    def _clean_up(self, key: ObjectKey, definition: Object) -> None:
        resource = self._catalog.of_collection(key.name)
        collection = self._store.collection(key.name)
        if resource is not None:
            for stored in collection.objects():
                self._registry.delete(resource, stored.key, DeleteOptions())
        finalizers = definition["metadata"].get("finalizers", [])
        if not len(collection) and CLEANUP_FINALIZER in finalizers:
            finalizers.remove(CLEANUP_FINALIZER)
            self._registry.update(DEFINITIONS, key, definition)

    def _stop_serving(self, name: str) -> None:
        self._catalog.remove(name)
        self._store.drop(name)


def _status(definition: Object, now: str) -> Object:
    spec, status = definition["spec"], definition.get("status", {})
    stored = [each["name"] for each in spec["versions"] if each["storage"]]
    earlier = [each for each in status.get("storedVersions", ()) if each not in stored]
    conditions = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _condition(
            "Established",
            "InitialNamesAccepted",
            "the initial names have been accepted",
            now,
        ),
    ]
    return {
        "conditions": status.get("conditions", conditions),
        "acceptedNames": spec["names"],
        "storedVersions": earlier + stored,
    }


def _condition(kind: str, reason: str, message: str, now: str) -> Object:
    return {
        "type": kind,
        "status": "True",
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
