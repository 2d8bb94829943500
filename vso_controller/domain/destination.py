"""What to do with the destination Secret so that it is what it must be.

Pure: `plan` compares the Secret that is wanted with the one that was observed
and returns the one step that makes them equal. Planning again after the step
gives `Nothing`. Labels, annotations and owner references that are not ours
stay as they are.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vso_controller.domain.ownership import (
    Ownership,
    is_owned_by_resource,
    owner_labels,
    ownership,
)
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.secrettypes import refusal_of_type
from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    ObservedSecret,
    OwnerReference,
    SecretPatch,
)
from vso_controller.foundation.secret import SecretData

OPAQUE = "Opaque"
MANAGED_METADATA = "vso-controller.dev/managed-metadata"
"""Names the labels and annotations we set, so that those taken out of the spec
can be told from those of others. Its absence alone is no reason to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """All that a resource says of its destination Secret; the data is Vault's."""

    key: ObjectKey
    owner: OwnerReference
    create: bool = False
    overwrite: bool = False
    type: str = OPAQUE
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None

    def filled(self, data: SecretData, digest: bytes) -> Desired:
        """Return the Secret of this shape that holds `data`."""
        return Desired(
            key=self.key,
            owner=self.owner,
            create=self.create,
            overwrite=self.overwrite,
            type=self.type,
            labels=self.labels,
            annotations=self.annotations,
            data=data,
            digest=digest,
        )

    def kept(self, digest: bytes) -> Kept:
        """Return the Secret of this shape whose data stays what has this digest."""
        return Kept(
            key=self.key,
            owner=self.owner,
            create=self.create,
            overwrite=self.overwrite,
            type=self.type,
            labels=self.labels,
            annotations=self.annotations,
            digest=digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Shape):
    """The destination Secret with the data that it has."""

    digest: bytes  # of the data, with the key of `ObservedSecret.digest`


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired(Shape):
    """The destination Secret as a resource wants it."""

    data: SecretData
    digest: bytes  # of `data`, with the key that `ObservedSecret.digest` was made with


@dataclass(frozen=True, slots=True)
class Nothing:
    """The Secret is as it must be."""


@dataclass(frozen=True, slots=True)
class Create:
    """There is no Secret yet."""

    secret: NewSecret


@dataclass(frozen=True, slots=True)
class Update:
    """The Secret differs."""

    patch: SecretPatch


@dataclass(frozen=True, slots=True)
class Replace:
    """The Secret has a type that cannot be changed: delete it, then create it."""

    old: ObservedSecret
    secret: NewSecret


Plan = Nothing | Create | Update | Replace | Failure


def plan(desired: Desired | Kept, observed: ObservedSecret | None) -> Plan:
    """Return the one step from `observed` to `desired`, or why there is none."""
    if observed is not None and observed.deleting:
        return Failure(
            Reason.DESTINATION_TERMINATING, f"Secret {desired.key} is being deleted"
        )
    if observed is not None and (refusal := _not_ours(desired, observed)) is not None:
        return refusal
    if isinstance(desired, Kept):
        return _plan_kept(desired, observed)
    return (_plan_own if desired.create else _plan_foreign)(desired, observed)


def lasting_data(shape: Shape, observed: ObservedSecret | None) -> bytes:
    """Return the digest of the data that can stay in the Secret, b"" if none can."""
    if observed is None or observed.deleting:
        return b""
    is_replaced = shape.create and observed.type != shape.type
    return b"" if is_replaced else observed.digest


def is_shaped(observed: ObservedSecret, shape: Shape) -> bool:
    """Tell whether a Secret of ours has all but its data as it must be."""
    untouched = _untouched(observed)
    return (
        observed.type == shape.type
        and _with_metadata(shape, observed, untouched) == untouched
    )


def _plan_own(desired: Desired, observed: ObservedSecret | None) -> Plan:
    refusal = refusal_of_type(desired.type, desired.data.reveal())
    if refusal is not None:
        return refusal
    if observed is None:
        return Create(_new(desired))
    if observed.type != desired.type:
        return Replace(observed, _new(desired))
    return _update(desired, observed, _with_data(desired, observed))


def _plan_kept(kept: Kept, observed: ObservedSecret | None) -> Plan:
    same = hmac.compare_digest(lasting_data(kept, observed), kept.digest)
    if observed is None or not same:
        return Failure(
            Reason.KUBERNETES_UNAVAILABLE,
            f"Secret {kept.key} changed while it was looked at",
        )
    if not kept.create:
        return Nothing()
    return _update(kept, observed, _untouched(observed))


def _plan_foreign(desired: Desired, observed: ObservedSecret | None) -> Plan:
    """With `create: false` the Secret is the user's: only its data is ours."""
    if observed is None:
        return Failure(
            Reason.DESTINATION_MISSING,
            f"Secret {desired.key} does not exist and destination.create is false",
        )
    return _step(desired, observed, _with_data(desired, observed))


def _not_ours(desired: Shape, observed: ObservedSecret) -> Failure | None:
    """Return why the Secret must not be touched.

    With `create: false` the user says that it is theirs; labels that a former
    owner left do not speak against that, an owner that is still named does.
    """
    match ownership(observed, desired.owner):
        case Ownership.SIBLINGS if desired.create or is_owned_by_resource(observed):
            why = "belongs to another resource of this controller"
        case Ownership.FOREIGN if desired.create and not desired.overwrite:
            why = "does not belong to this resource; destination.overwrite is false"
        case _:
            return None
    return Failure(
        Reason.DESTINATION_NOT_OWNED, f"Secret {desired.key} exists and {why}"
    )


def _update(shape: Shape, observed: ObservedSecret, patch: SecretPatch) -> Plan:
    patch = _with_metadata(shape, observed, patch)
    step = _step(shape, observed, patch)
    if not isinstance(step, Update):
        return step
    record = _managed_change(shape, observed)
    return Update(replace(patch, annotations={**patch.annotations, **record}))


def _with_metadata(
    shape: Shape, observed: ObservedSecret, patch: SecretPatch
) -> SecretPatch:
    managed = _parse_managed(observed.annotations.get(MANAGED_METADATA, ""))
    owned = shape.owner in observed.owners
    return replace(
        patch,
        labels=_changes(_labels(shape), observed.labels, managed["labels"]),
        annotations=_changes(
            _annotations(shape), observed.annotations, managed["annotations"]
        ),
        owners=None if owned else (*observed.owners, shape.owner),
    )


def _untouched(observed: ObservedSecret) -> SecretPatch:
    return SecretPatch(observed.key, observed.uid, observed.resource_version)


def _with_data(desired: Desired, observed: ObservedSecret) -> SecretPatch:
    patch = _untouched(observed)
    if hmac.compare_digest(observed.digest, desired.digest):
        return patch
    gone = observed.data_keys - desired.data.reveal().keys()
    return replace(patch, data=desired.data, removed_keys=gone)


def _step(shape: Shape, observed: ObservedSecret, patch: SecretPatch) -> Plan:
    if observed.immutable and patch.data is not None:
        return Failure(
            Reason.DESTINATION_IMMUTABLE,
            f"Secret {shape.key} is immutable and its data would have to change",
        )
    return Nothing() if patch == _untouched(observed) else Update(patch)


def _new(desired: Desired) -> NewSecret:
    annotations = _annotations(desired)
    record = _managed_record(desired)
    if record is not None:
        annotations[MANAGED_METADATA] = record
    return NewSecret(
        key=desired.key,
        type=desired.type,
        data=desired.data,
        labels=_labels(desired),
        annotations=annotations,
        owners=(desired.owner,),
    )


def _labels(shape: Shape) -> dict[str, str]:
    return {**(shape.labels or {}), **owner_labels(shape.owner.uid)}


def _annotations(shape: Shape) -> dict[str, str]:
    wanted = dict(shape.annotations or {})
    wanted.pop(MANAGED_METADATA, None)  # a record of ours, whatever a spec says
    return wanted


def _changes(
    wanted: Mapping[str, str], observed: Mapping[str, str], managed: frozenset[str]
) -> dict[str, str | None]:
    changes: dict[str, str | None] = {
        name: value for name, value in wanted.items() if observed.get(name) != value
    }
    stale = (managed - wanted.keys()) & observed.keys()
    return changes | dict.fromkeys(sorted(stale))


def _managed_record(shape: Shape) -> str | None:
    annotations = _annotations(shape)
    if not shape.labels and not annotations:
        return None
    record = {
        "annotations": sorted(annotations),
        "labels": sorted(shape.labels or {}),
    }
    return json.dumps(record, separators=(",", ":"))


def _managed_change(shape: Shape, observed: ObservedSecret) -> dict[str, str | None]:
    record = _managed_record(shape)
    if observed.annotations.get(MANAGED_METADATA) == record:
        return {}
    return {MANAGED_METADATA: record}


def _parse_managed(text: str) -> dict[str, frozenset[str]]:
    """Read the record; one that somebody spoilt says nothing."""
    try:
        record = json.loads(text or "{}")
    except ValueError:
        record = {}
    if not isinstance(record, dict):
        record = {}
    return {part: _names(record.get(part)) for part in ("labels", "annotations")}


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(name for name in value if isinstance(name, str))
