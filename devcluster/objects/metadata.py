"""`metadata`: read once from what a client sent, then judged; and how names look.

`read_metadata` drops what this server does not keep (managedFields, selfLink) and
what is empty, so that equal objects are equal. Source of the rules: the Kubernetes
documentation, "Object Names and IDs" and "Labels and Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from devcluster import errors
from devcluster.errors import Cause
from devcluster.objects.json import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_STANDARD_FINALIZERS = frozenset({FOREGROUND, ORPHAN, "kubernetes"})
_ANNOTATIONS_LIMIT = 256 * 1024  # bytes, keys and values together
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
IMMUTABLE_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


class NameRule(StrEnum):
    """What a name may look like."""

    LABEL = "label"
    SUBDOMAIN = "subdomain"
    PATH_SEGMENT = "path segment"
    CONFIG_KEY = "config key"
    QUALIFIED = "qualified name"
    LABEL_VALUE = "label value"

    def problems(self, field: str, name: str) -> Iterator[Cause]:
        """Yield why this name cannot be, if so."""
        longest, pattern = _PATTERNS[self]
        if len(name) > longest:
            yield errors.invalid_value(
                field, name, f"must be no more than {longest} bytes"
            )
        elif not re.fullmatch(pattern, name):
            yield errors.invalid_value(field, name, f"must match the regex '{pattern}'")


# The greatest length of a name, and what it looks like.
_PATTERNS: Mapping[NameRule, tuple[int, str]] = {
    NameRule.LABEL: (63, _LABEL),
    NameRule.SUBDOMAIN: (253, _SUBDOMAIN),
    NameRule.PATH_SEGMENT: (1024, r"(?!\.{1,2}$)[^/%]+"),
    NameRule.CONFIG_KEY: (253, r"(?!\.$|\.\.)[-._a-zA-Z0-9]+"),
    NameRule.QUALIFIED: (317, rf"({_SUBDOMAIN}/)?{_QUALIFIED}"),
    NameRule.LABEL_VALUE: (63, rf"({_QUALIFIED})?"),
}


class OwnerReference(msgspec.Struct, omit_defaults=True, rename="camel"):
    """An entry of `metadata.ownerReferences`."""

    api_version: str
    kind: str
    name: str
    uid: str
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
    if "name" in meta:
        yield from name_rule.problems("metadata.name", meta["name"])
    else:
        yield errors.required("metadata.name", "name or generateName is required")
    for key, value in meta.get("labels", {}).items():
        yield from NameRule.QUALIFIED.problems("metadata.labels", key)
        yield from NameRule.LABEL_VALUE.problems("metadata.labels", value)
    annotations = meta.get("annotations", {})
    for key in annotations:
        yield from NameRule.QUALIFIED.problems("metadata.annotations", key.lower())
    size = sum(len(f"{key}{value}".encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        yield errors.too_long("metadata.annotations", _ANNOTATIONS_LIMIT)
    for finalizer in set(meta.get("finalizers", ())) - _STANDARD_FINALIZERS:
        yield from NameRule.QUALIFIED.problems("metadata.finalizers", finalizer)


def metadata_changes_refused(new: Object, old: Object) -> Iterator[Cause]:
    """Yield what an update may not change."""
    for field in IMMUTABLE_FIELDS:
        if new.get(field) != old.get(field):
            place = f"metadata.{field}"
            yield errors.invalid_value(place, new.get(field), "field is immutable")
    added = set(new.get("finalizers", ())) - set(old.get("finalizers", ()))
    if added and "deletionTimestamp" in old:
        yield errors.forbidden_field(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, "
            f"found new finalizers {sorted(added)}",
        )
