"""The rules that every kind shares. Each refuses with an ApiError, or does nothing."""

from __future__ import annotations

from devcluster.errors import (
    ApiError,
    bad_request,
    conflict,
    forbidden,
    invalid,
    invalid_value,
    not_found,
)
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object
from devcluster.objects.metadata import (
    FOREGROUND,
    IMMUTABLE_FIELDS,
    ORPHAN,
    metadata_changes_refused,
    metadata_problems,
)
from devcluster.registry.options import Preconditions, Propagation
from devcluster.storage.objects import ObjectKey, Stored

_TYPE_META = frozenset({"apiVersion", "kind"})
_PROPAGATION_FINALIZERS = {
    Propagation.FOREGROUND: FOREGROUND,
    Propagation.ORPHAN: ORPHAN,
}
_MODIFIED = (
    "the object has been modified; please apply your changes to the latest version "
    "and try again"
)


def require_open_namespace(
    namespace: Stored | None, resource: Resource, key: ObjectKey
) -> None:
    """Refuse to create where the namespace is missing or goes away."""
    if namespace is None:
        raise not_found("", "namespaces", key.namespace)
    if "deletionTimestamp" not in namespace.value()["metadata"]:
        return
    refusal = forbidden(
        resource.group,
        resource.plural,
        key.name,
        f"unable to create new content in namespace {key.namespace} "
        "because it is being terminated",
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {key.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    details = {**(refusal.details or {}), "causes": [cause]}
    raise ApiError(refusal.code, refusal.reason, str(refusal), details=details)


def require_identity(meta: Object, key: ObjectKey) -> None:
    """Refuse an object that is not the one in the URL."""
    name = meta.setdefault("name", key.name)
    if name != key.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL "
            f"({key.name})"
        )
    require_namespace(meta, key.namespace)


def require_namespace(meta: Object, namespace: str) -> None:
    """Refuse an object of another namespace than the one in the URL."""
    if meta.setdefault("namespace", namespace) != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace "
            "sent on the request"
        )
    if not namespace:
        del meta["namespace"]


def require_version(resource: Resource, stored: Stored, version: str | None) -> None:
    """Refuse an update that was made from another version than the stored one."""
    name = stored.key.name
    if version is None and not resource.unconditional_update:
        place = "metadata.resourceVersion"
        cause = invalid_value(place, 0, "must be specified for an update")
        raise invalid(resource.group, resource.plural, name, [cause])
    if version is not None and version != str(stored.revision):
        raise conflict(resource.group, resource.plural, name, _MODIFIED)


def require_preconditions(
    resource: Resource, stored: Stored, wanted: Preconditions
) -> None:
    """Refuse a request that means another object, or another version of it."""
    found = stored.uid
    if wanted.uid and wanted.uid != found:
        raise conflict(
            resource.group,
            resource.plural,
            stored.key.name,
            f"Precondition failed: UID in precondition: {wanted.uid}, "
            f"UID in object meta: {found}",
        )
    version = str(stored.revision)
    if wanted.resource_version and wanted.resource_version != version:
        raise conflict(
            resource.group,
            resource.plural,
            stored.key.name,
            f"the ResourceVersion in the precondition ({wanted.resource_version}) does "
            f"not match the ResourceVersion in record ({version}). The object might "
            "have been modified",
        )


def refuse_problems(resource: Resource, new: Object, old: Object | None) -> None:
    """Refuse an object that cannot be stored, with a cause for each field."""
    meta = new["metadata"]
    causes = list(metadata_problems(meta, resource.name_rule))
    if old is not None:
        causes += metadata_changes_refused(meta, old["metadata"])
    causes += resource.schema.validate(new, old)
    if causes:
        raise invalid(resource.group, resource.kind, meta.get("name", ""), causes)


def carry_metadata(new: Object, old: Object) -> None:
    """Take over what an update leaves out because only the server sets it."""
    for field in IMMUTABLE_FIELDS:
        if field in old:
            new.setdefault(field, old[field])
    new.pop("generation", None)
    if "generation" in old:
        new["generation"] = old["generation"]


def set_propagation(meta: Object, propagation: Propagation | None) -> None:
    """Write down what a deletion does with dependents, as a finalizer."""
    if propagation is None:
        return
    ours = {FOREGROUND, ORPHAN}
    finalizers = [each for each in meta.get("finalizers", ()) if each not in ours]
    if propagation in _PROPAGATION_FINALIZERS:
        finalizers.append(_PROPAGATION_FINALIZERS[propagation])
    meta.pop("finalizers", None)
    if finalizers:
        meta["finalizers"] = finalizers


def fields_of(value: Object) -> Object:
    """Return the object without what depends on the version it is served as."""
    return {field: each for field, each in value.items() if field not in _TYPE_META}


def content_of(value: Object) -> Object:
    """Return what a generation counts: all but metadata and status."""
    uncounted = _TYPE_META | {"metadata", "status"}
    return {field: each for field, each in value.items() if field not in uncounted}
