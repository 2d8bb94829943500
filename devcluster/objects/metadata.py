"""`metadata`: read once from what a client sent, then judged.

`read_metadata` drops what this server does not keep (managedFields, selfLink) and
what is empty, so that equal objects are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from devcluster.errors import (
    Cause,
    forbidden_field,
    immutable,
    invalid_value,
    required,
    too_long,
)
from devcluster.objects import names
from devcluster.objects.json import Object

NameRule = Callable[[str], str | None]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_STANDARD_FINALIZERS = frozenset({FOREGROUND, ORPHAN, "kubernetes"})
_ANNOTATIONS_LIMIT = 256 * 1024  # bytes, keys and values together
IMMUTABLE_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


class OwnerReference(msgspec.Struct, omit_defaults=True, rename="camel"):
    """An entry of `metadata.ownerReferences`."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The part of metav1.ObjectMeta that is kept."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    finalizers: list[str] | None = None


def read_metadata(value: object) -> Object:
    """Return clean metadata. Raises ValueError where a type is wrong."""
    try:
        meta = msgspec.convert({} if value is None else value, ObjectMeta)
    except msgspec.ValidationError as error:
        raise ValueError(f"ObjectMeta: {error}") from error
    clean: Object = msgspec.to_builtins(meta)
    return {key: each for key, each in clean.items() if each or each == 0}


def metadata_problems(meta: Object, name_rule: NameRule) -> Iterator[Cause]:
    """Yield what is wrong with the metadata of an object to be stored."""
    name = meta.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif problem := name_rule(name):
        yield invalid_value("metadata.name", name, problem)
    yield from _label_problems(meta.get("labels", {}))
    yield from _annotation_problems(meta.get("annotations", {}))
    yield from _owner_problems(meta.get("ownerReferences", []))
    for finalizer in meta.get("finalizers", ()):
        if finalizer in _STANDARD_FINALIZERS:
            continue
        if problem := names.qualified_name_problem(finalizer):
            yield invalid_value("metadata.finalizers", finalizer, problem)


def metadata_changes_refused(new: Object, old: Object) -> Iterator[Cause]:
    """Yield what an update may not change."""
    for field in IMMUTABLE_FIELDS:
        if new.get(field) != old.get(field):
            yield immutable(f"metadata.{field}", new.get(field))
    added = set(new.get("finalizers", ())) - set(old.get("finalizers", ()))
    if added and "deletionTimestamp" in old:
        yield forbidden_field(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, "
            f"found new finalizers {sorted(added)}",
        )


def _label_problems(labels: Mapping[str, str]) -> Iterator[Cause]:
    for key, value in labels.items():
        if problem := names.qualified_name_problem(key):
            yield invalid_value("metadata.labels", key, problem)
        if problem := names.label_value_problem(value):
            yield invalid_value("metadata.labels", value, problem)


def _annotation_problems(annotations: Mapping[str, str]) -> Iterator[Cause]:
    for key in annotations:
        if problem := names.qualified_name_problem(key.lower()):
            yield invalid_value("metadata.annotations", key, problem)
    size = sum(len(f"{key}{value}".encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        yield too_long(
            "metadata.annotations", f"must have at most {_ANNOTATIONS_LIMIT} bytes"
        )


def _owner_problems(owners: list[Object]) -> Iterator[Cause]:
    for owner in owners:
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield invalid_value(
                    f"metadata.ownerReferences.{field}",
                    "",
                    f"{field} must not be empty",
                )
    if sum(owner.get("controller") is True for owner in owners) > 1:
        yield invalid_value(
            "metadata.ownerReferences",
            "",
            "Only one reference can have Controller set to true",
        )
