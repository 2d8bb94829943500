"""Objects as the API sees them: created, changed and deleted by the rules.

Everything here happens within one turn of the event loop, so a write is decided on
what is stored at that moment. Every refusal is an ApiError.
"""

from __future__ import annotations

from collections.abc import Iterator

from devcluster import errors
from devcluster.clock import Outside, timestamp
from devcluster.errors import Cause
from devcluster.kinds.builtins import NAMESPACES
from devcluster.kinds.catalog import Catalog
from devcluster.kinds.resource import Resource
from devcluster.objects import metadata
from devcluster.objects.json import Object, dig
from devcluster.objects.metadata import FOREGROUND, ORPHAN, SERVER_FIELDS
from devcluster.registry.options import DeleteOptions, Preconditions, Propagation
from devcluster.storage.objects import ObjectKey, Stored
from devcluster.storage.store import Store

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no words appear
_SUFFIX_LENGTH = 5
_MAX_GENERATED_BASE = 58  # so that the suffix still fits into a label
_TYPE_META = frozenset({"apiVersion", "kind"})
_UNCOUNTED = _TYPE_META | {"metadata", "status"}
_FIXED = tuple(f"metadata.{field}" for field in SERVER_FIELDS)
_FINALIZERS = "metadata.finalizers"
_FINALIZER_OF = {Propagation.FOREGROUND: FOREGROUND, Propagation.ORPHAN: ORPHAN}
_MODIFIED = (
    "the object has been modified; please apply your changes to the latest version "
    "and try again"
)
_PLAIN_DELETE = DeleteOptions()


class Registry:
    """The rules of the API server over the store, for the kinds of the catalog."""

    def __init__(self, *, store: Store, catalog: Catalog, outside: Outside) -> None:
        self.store = store
        self.catalog = catalog
        self.outside = outside

    def find(self, resource: Resource, key: ObjectKey) -> Stored | None:
        """Return an object, None where there is none."""
        return self.store.collection(resource.collection).get(key)

    def get(self, resource: Resource, key: ObjectKey) -> Stored:
        """Return an object, or refuse with 404."""
        stored = self.find(resource, key)
        if stored is None:
            raise errors.not_found(resource.collection, key.name)
        return stored

    def create(self, resource: Resource, namespace: str, value: Object) -> Stored:
        """Store a new object."""
        meta = value["metadata"]
        if "resourceVersion" in meta:
            told = "resourceVersion should not be set on objects to be created"
            raise errors.bad_request(told)
        self._stamp(resource, meta)
        key = ObjectKey(namespace, meta.get("name", ""))
        _require_key(meta, key)
        if resource.namespaced:
            home = self.find(NAMESPACES, ObjectKey("", namespace))
            _require_open(home, resource, key)
        if resource.has_status:
            value.pop("status", None)
        resource.schema.default(value)
        _refuse_problems(resource, value, None)
        if self.find(resource, key) is not None:
            raise errors.already_exists(resource.collection, key.name)
        return self.store.put(resource.collection, key, value)

    def update(
        self,
        resource: Resource,
        key: ObjectKey,
        value: Object,
        *,
        status: bool = False,
        uid: str = "",
    ) -> Stored:
        """Store an object's new state, or with `status` that part and nothing else.

        Where the status is a subresource it is otherwise left alone. `uid` is the
        object that is meant. What changes nothing is not written.
        """
        meta = value["metadata"]
        _require_key(meta, key)
        stored = self.get(resource, key)
        wanted = Preconditions(uid, meta.get("resourceVersion", ""))
        _require_version(resource, key, wanted.resource_version)
        _require_meant(resource, stored, wanted)
        old = stored.value()
        if resource.has_status:
            reported, rest = (value, stored.value()) if status else (old, value)
            value = {field: each for field, each in rest.items() if field != "status"}
            value |= {"status": reported["status"]} if "status" in reported else {}
        _carry_metadata(value["metadata"], old["metadata"])
        resource.schema.default(value)
        if resource.has_generation and not _is_same(value, old, _UNCOUNTED):
            value["metadata"]["generation"] += 1
        _refuse_problems(resource, value, old)
        if stored.is_going and not resource.is_held(value):
            return self.store.remove(resource.collection, key, value)
        if _is_same(value, old, _TYPE_META):
            return stored
        return self.store.put(resource.collection, key, value)

    def delete(
        self, resource: Resource, key: ObjectKey, options: DeleteOptions = _PLAIN_DELETE
    ) -> tuple[Stored, bool]:
        """Delete an object, or mark it where finalizers hold it.

        Returns its last state, and whether it is gone.
        """
        stored = self.get(resource, key)
        _require_meant(resource, stored, options.preconditions)
        value = stored.value()
        meta = value["metadata"]
        _set_propagation(meta, options.propagation_policy)
        if not resource.is_held(value):
            return self.store.remove(resource.collection, key, value), True
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = timestamp(self.outside.now())
            meta["deletionGracePeriodSeconds"] = 0
            if "generation" in meta:
                meta["generation"] += 1
            resource.schema.default(value)
        if value == stored.value():
            return stored, False
        return self.store.put(resource.collection, key, value), False

    def clear(self, resource: Resource, namespace: str = "") -> bool:
        """Delete all objects of a kind; say whether none is held by finalizers."""
        collection = self.store.collection(resource.collection)
        for stored in collection.objects(namespace):
            self.delete(resource, stored.key)
        return not collection.objects(namespace)

    def _stamp(self, resource: Resource, meta: Object) -> None:
        """Set what the server alone sets."""
        if "name" not in meta and "generateName" in meta:
            letters = self.outside.random.choices(_SUFFIX_LETTERS, k=_SUFFIX_LENGTH)
            base = meta["generateName"][:_MAX_GENERATED_BASE]
            meta["name"] = base + "".join(letters)
        for field in (*SERVER_FIELDS, "generation"):
            meta.pop(field, None)
        meta["uid"] = self.outside.uuid()
        meta["creationTimestamp"] = timestamp(self.outside.now())
        if resource.has_generation:
            meta["generation"] = 1


def _require_open(namespace: Stored | None, resource: Resource, key: ObjectKey) -> None:
    """Refuse to create where the namespace is missing or goes away."""
    if namespace is None:
        raise errors.not_found("namespaces", key.namespace)
    if namespace.is_going:
        told = f"namespace {key.namespace} is being terminated"
        cause = Cause("NamespaceTerminating", told, "metadata.namespace")
        why = f"unable to create new content because {told}"
        raise errors.forbidden(resource.collection, key.name, why, cause)


def _require_key(meta: Object, key: ObjectKey) -> None:
    """Refuse an object of another name or namespace than those in the URL."""
    for field, right in key._asdict().items():
        if meta.setdefault(field, right) != right:
            told = f"the {field} of the object ({meta[field]}) does not match"
            raise errors.bad_request(f"{told} the {field} on the URL ({right})")
        if not right:
            del meta[field]


def _require_version(resource: Resource, key: ObjectKey, version: str) -> None:
    """Refuse an update that does not say which version it was made from."""
    if not version and not resource.unconditional_update:
        place = "metadata.resourceVersion"
        cause = errors.invalid_value(place, 0, "must be specified for an update")
        raise errors.invalid(resource.collection, key.name, [cause])


def _require_meant(resource: Resource, stored: Stored, wanted: Preconditions) -> None:
    """Refuse a request that means another object, or another version of it."""
    if wanted.uid not in {"", stored.uid}:
        why = f"Precondition failed: UID {wanted.uid} is asked for, it is {stored.uid}"
        raise errors.conflict(resource.collection, stored.key.name, why)
    if wanted.resource_version not in {"", str(stored.revision)}:
        raise errors.conflict(resource.collection, stored.key.name, _MODIFIED)


def _refuse_problems(resource: Resource, new: Object, old: Object | None) -> None:
    """Refuse an object that cannot be stored, with a cause for each field."""
    meta = new["metadata"]
    causes = [
        *metadata.problems(meta, resource.name_rule),
        *(() if old is None else _change_problems(resource, new, old)),
        *resource.schema.problems(new),
    ]
    if causes:
        raise errors.invalid(resource.qualified_kind, meta.get("name", ""), causes)


def _change_problems(resource: Resource, new: Object, old: Object) -> Iterator[Cause]:
    """Yield what an update may not change."""
    for path in (*_FIXED, *resource.fixed):
        if (value := dig(new, path)) != dig(old, path):
            yield errors.invalid_value(path, value, "field is immutable")
    for field in resource.frozen if old.get("immutable") else ():
        if new.get(field) != old.get(field):
            told = "field is immutable when `immutable` is set"
            yield errors.forbidden_field(field, told)
    added = set(dig(new, _FINALIZERS) or ()) - set(dig(old, _FINALIZERS) or ())
    if added and "deletionTimestamp" in old["metadata"]:
        told = "no new finalizers can be added if the object is being deleted"
        yield errors.forbidden_field(_FINALIZERS, f"{told}, found {sorted(added)}")


def _carry_metadata(new: Object, old: Object) -> None:
    """Take over what an update leaves out because only the server sets it."""
    new.pop("generation", None)
    for field in (*SERVER_FIELDS, "resourceVersion", "generation"):
        if field in old:
            new.setdefault(field, old[field])


def _set_propagation(meta: Object, propagation: Propagation | None) -> None:
    """Write down what a deletion does with dependents, as a finalizer."""
    if propagation is None:
        return
    finalizers = [
        f for f in meta.pop("finalizers", ()) if f not in {FOREGROUND, ORPHAN}
    ]
    finalizers += [f for p, f in _FINALIZER_OF.items() if p is propagation]
    if finalizers:
        meta["finalizers"] = finalizers


def _is_same(new: Object, old: Object, ignored: frozenset[str]) -> bool:
    fields = (new.keys() | old.keys()) - ignored
    return all(new.get(field) == old.get(field) for field in fields)
