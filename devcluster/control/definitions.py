"""Serves what CustomResourceDefinitions define, and cleans up after them."""

from __future__ import annotations

from devcluster.clock import timestamp
from devcluster.kinds.builtins import DEFINITIONS
from devcluster.kinds.definitions import CLEANUP_FINALIZER, resources_of
from devcluster.objects.json import Object
from devcluster.registry.registry import Registry
from devcluster.storage.objects import Change, ChangeType, ObjectKey

_ACCEPTED = (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))


class DefinitionController:
    """Keeps the catalog equal to the stored definitions."""

    def __init__(self, *, registry: Registry) -> None:
        self._registry = registry

    def handle(self, change: Change) -> None:
        """Serve a definition, or take away a kind that goes."""
        name = change.current.key.name
        if change.collection != DEFINITIONS.collection:
            if change.type is ChangeType.DELETED:
                self._reconcile(change.collection)
        elif change.type is ChangeType.DELETED:
            self._registry.catalog.remove(name)
            self._registry.store.drop(name)
        else:
            self._reconcile(name)

    def _reconcile(self, name: str) -> None:
        stored = self._registry.find(DEFINITIONS, ObjectKey("", name))
        if stored is not None:
            act = self._clean_up if stored.is_going else self._serve
            act(stored.key, stored.value())

    def _serve(self, key: ObjectKey, definition: Object) -> None:
        self._registry.catalog.remove(key.name)
        self._registry.catalog.add(resources_of(definition))
        now = timestamp(self._registry.outside.now())
        definition["status"] = _status(definition, now)
        self._registry.update(DEFINITIONS, key, definition, status=True)

    def _clean_up(self, key: ObjectKey, definition: Object) -> None:
        resource = self._registry.catalog.of_collection(key.name)
        is_empty = resource is None or self._registry.clear(resource)
        finalizers = definition["metadata"].get("finalizers", [])
        if is_empty and CLEANUP_FINALIZER in finalizers:
            finalizers.remove(CLEANUP_FINALIZER)
            self._registry.update(DEFINITIONS, key, definition)


def _status(definition: Object, now: str) -> Object:
    spec, status = definition["spec"], definition.get("status", {})
    stored = [each["name"] for each in spec["versions"] if each["storage"]]
    earlier = [each for each in status.get("storedVersions", ()) if each not in stored]
    common = {"status": "True", "lastTransitionTime": now, "message": ""}
    conditions = [common | {"type": kind, "reason": why} for kind, why in _ACCEPTED]
    return {
        "conditions": status.get("conditions", conditions),
        "acceptedNames": spec["names"],
        "storedVersions": earlier + stored,
    }
