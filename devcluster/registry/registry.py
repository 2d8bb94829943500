"""What may happen to objects: create, read, update, delete.

Every method is one step on the event loop: it reads, decides and commits without
awaiting, so there is nothing to lock and nothing to retry. What comes in was decoded
and pruned, and is owned by the callee; what goes out is as the store keeps it.
"""

from __future__ import annotations

import uuid
from random import Random

from devcluster.clock import Now, timestamp
from devcluster.errors import already_exists, bad_request, not_found
from devcluster.kinds.builtins import NAMESPACES
from devcluster.kinds.resource import Resource
from devcluster.objects import names
from devcluster.objects.json import Object
from devcluster.registry import rules
from devcluster.registry.options import DeleteOptions, Preconditions
from devcluster.storage.objects import ObjectKey, Stored, freeze
from devcluster.storage.store import Store

_SUFFIX_LENGTH = 5
_SERVER_SET = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)
_ANY = Preconditions()


class Registry:
    """The rules of the API server over the store."""

    def __init__(self, *, store: Store, now: Now, random: Random) -> None:
        self._store = store
        self._now = now
        self._random = random

    def get(self, resource: Resource, key: ObjectKey) -> Stored:
        """Return an object. Raises ApiError (404)."""
        stored = self._store.collection(resource.collection).get(key)
        if stored is None:
            raise not_found(resource.group, resource.plural, key.name)
        return stored

    def create(
        self,
        resource: Resource,
        namespace: str,
        value: Object,
        *,
        dry_run: bool = False,
    ) -> Stored:
        """Store a new object. Raises ApiError."""
        meta = value["metadata"]
        if "resourceVersion" in meta:
            raise bad_request(
                "resourceVersion should not be set on objects to be created"
            )
        self._stamp(resource, namespace, meta)
        key = ObjectKey(namespace, meta.get("name", ""))
        if resource.namespaced:
            home = self._store.collection(NAMESPACES.collection)
            rules.require_open_namespace(
                home.get(ObjectKey("", namespace)), resource, key
            )
        if resource.has_status:
            value.pop("status", None)
        resource.schema.default(value)
        rules.refuse_problems(resource, value, None)
        if self._store.collection(resource.collection).get(key) is not None:
            raise already_exists(resource.group, resource.plural, key.name)
        return self._put(resource, key, value, dry_run=dry_run)

    def update(
        self,
        resource: Resource,
        key: ObjectKey,
        value: Object,
        *,
        preconditions: Preconditions = _ANY,
        dry_run: bool = False,
    ) -> Stored:
        """Store an object's new state, status aside where that is a subresource.

        What changes nothing is not written. Raises ApiError.
        """
        stored = self._require_meant(resource, key, value, preconditions)
        old = stored.value()
        if resource.has_status:
            value.pop("status", None)
            value |= {"status": old["status"]} if "status" in old else {}
        rules.carry_metadata(value["metadata"], old["metadata"])
        resource.schema.default(value)
        if resource.has_generation and rules.content_of(value) != rules.content_of(old):
            value["metadata"]["generation"] += 1
        return self._commit_update(resource, stored, value, dry_run=dry_run)

    def update_status(
        self,
        resource: Resource,
        key: ObjectKey,
        value: Object,
        *,
        preconditions: Preconditions = _ANY,
        dry_run: bool = False,
    ) -> Stored:
        """Store an object's new status; of the rest of `value` nothing is taken."""
        stored = self._require_meant(resource, key, value, preconditions)
        new = stored.value()
        new.pop("status", None)
        if "status" in value:
            new["status"] = value["status"]
        resource.schema.default(new)
        return self._commit_update(resource, stored, new, dry_run=dry_run)

    def delete(
        self, resource: Resource, key: ObjectKey, options: DeleteOptions
    ) -> tuple[Stored, bool]:
        """Delete an object, or mark it where finalizers hold it.

        Returns its last state, and whether it is gone. Raises ApiError.
        """
        stored = self.get(resource, key)
        rules.require_preconditions(resource, stored, options.preconditions)
        value = stored.value()
        meta = value["metadata"]
        rules.set_propagation(meta, options.propagation)
        resource.terminate(value)
        if not resource.is_held(value):
            return self._remove(resource, key, value, dry_run=options.dry_run), True
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = timestamp(self._now())
            meta["deletionGracePeriodSeconds"] = 0
            if "generation" in meta:
                meta["generation"] += 1
        if value == stored.value():
            return stored, False
        return self._put(resource, key, value, dry_run=options.dry_run), False

    def _stamp(self, resource: Resource, namespace: str, meta: Object) -> None:
        rules.require_namespace(meta, namespace)
        if "name" not in meta and "generateName" in meta:
            letters = self._random.choices(names.GENERATED_SUFFIX, k=_SUFFIX_LENGTH)
            meta["name"] = names.generated_base(meta["generateName"]) + "".join(letters)
        for field in _SERVER_SET:
            meta.pop(field, None)
        meta["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        meta["creationTimestamp"] = timestamp(self._now())
        if resource.has_generation:
            meta["generation"] = 1

    def _require_meant(
        self,
        resource: Resource,
        key: ObjectKey,
        value: Object,
        preconditions: Preconditions,
    ) -> Stored:
        """Return the stored object that a write was made for, or refuse."""
        meta = value["metadata"]
        rules.require_identity(meta, key)
        stored = self.get(resource, key)
        rules.require_preconditions(resource, stored, preconditions)
        rules.require_version(resource, stored, meta.get("resourceVersion"))
        return stored

    def _commit_update(
        self, resource: Resource, stored: Stored, new: Object, *, dry_run: bool
    ) -> Stored:
        old = stored.value()
        new["metadata"]["resourceVersion"] = str(stored.revision)
        rules.refuse_problems(resource, new, old)
        if "deletionTimestamp" in old["metadata"] and not resource.is_held(new):
            return self._remove(resource, stored.key, new, dry_run=dry_run)
        if rules.fields_of(new) == old:
            return stored
        return self._put(resource, stored.key, new, dry_run=dry_run)

    def _put(
        self, resource: Resource, key: ObjectKey, value: Object, *, dry_run: bool
    ) -> Stored:
        if dry_run:
            return freeze(key, value, self._store.revision)
        return self._store.put(resource.collection, key, value)

    def _remove(
        self, resource: Resource, key: ObjectKey, value: Object, *, dry_run: bool
    ) -> Stored:
        if dry_run:
            return freeze(key, value, self._store.revision)
        return self._store.remove(resource.collection, key, value)
