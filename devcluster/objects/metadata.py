"""`metadata`: read once from what a client sent, then judged; and how names look.

`read_metadata` drops what this server does not keep (managedFields, selfLink) and
what is empty, so that equal objects are equal. Source of the rules: the Kubernetes
documentation, "Object Names and IDs" and "Labels and Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from devcluster import errors
from devcluster.errors import Cause
from devcluster.objects.json import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DELETION = ("deletionTimestamp", "deletionGracePeriodSeconds")
# What the server alone sets, once for an object.
SERVER_FIELDS = ("uid", "creationTimestamp", *_DELETION)


@dataclass(frozen=True, slots=True)
class NameRule:
    """What a name may look like."""

    longest: int  # bytes
    pattern: str

    def problems(self, field: str, name: str) -> Iterator[Cause]:
        """Yield why this name cannot be, if so."""
        if len(name) > self.longest:
            told = f"must be no more than {self.longest} bytes"
            yield errors.invalid_value(field, name, told)
        elif not re.fullmatch(self.pattern, name):
            told = f"must match the regex '{self.pattern}'"
            yield errors.invalid_value(field, name, told)


CONFIG_KEY = NameRule(253, r"(?!\.$|\.\.)[-._a-zA-Z0-9]+")
QUALIFIED = NameRule(317, rf"({_SUBDOMAIN}/)?{_QUALIFIED}")
LABEL_VALUE = NameRule(63, rf"({_QUALIFIED})?")
# What objects may be called, by what the table of kinds says.
NameRuleName = Literal["label", "subdomain", "path segment"]
_NAME_RULES: Mapping[NameRuleName, NameRule] = {
    "label": NameRule(63, _LABEL),
    "subdomain": NameRule(253, _SUBDOMAIN),
    "path segment": NameRule(1024, r"(?!\.{1,2}$)[^/%]+"),
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
    meta = msgspec.convert({} if value is None else value, ObjectMeta)
    clean: Object = msgspec.to_builtins(meta)
    return {key: each for key, each in clean.items() if each or each == 0}


def problems(meta: Object, name_rule: NameRuleName) -> Iterator[Cause]:
    """Yield what is wrong with the metadata of an object to be stored."""
    if "name" in meta:
        yield from _NAME_RULES[name_rule].problems("metadata.name", meta["name"])
    else:
        yield errors.required("metadata.name", "name or generateName is required")
    labels = meta.get("labels", {})
    annotations = map(str.lower, meta.get("annotations", ()))
    names: tuple[tuple[str, NameRule, Iterable[str]], ...] = (
        ("labels", QUALIFIED, labels),
        ("labels", LABEL_VALUE, labels.values()),
        ("annotations", QUALIFIED, annotations),
        ("finalizers", QUALIFIED, meta.get("finalizers", ())),
    )
    for field, rule, given in names:
        for each in given:
            yield from rule.problems(f"metadata.{field}", each)
