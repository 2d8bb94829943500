"""Why Vault is asked about a resource, or that it need not be.

A process that begins to reconcile finds most resources in step: their status says so,
and the Secret that is watched has the digest that the status keeps. Those are
*adopted*: nothing is asked and nothing written, they are due at their slot. So neither
a restart nor a change of leader makes a fleet read Vault at once.

Pure: everything a rule needs is a field of `Observed`, so `RULES` is the whole policy,
in order of precedence.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vso_controller.domain.conditions import Condition, ConditionType, is_true
from vso_controller.domain.destination import Shape, is_shaped
from vso_controller.domain.ownership import Ownership, ownership
from vso_controller.foundation.objects import ObservedSecret


class SyncReason(StrEnum):
    """Why Vault is asked. The values appear in the log."""

    REFRESH = "Refresh"
    """It was read or adopted before: it is due, or something about it changed."""
    INITIAL = "InitialSync"
    SPEC_CHANGED = "ResourceUpdated"
    TRANSFORMATION_CHANGED = "TransformationChanged"
    """What it refers to, or an annotation that a template sees, is another."""
    NOT_HEALTHY = "NotHealthy"
    """The last try failed, or nothing says that it did not."""
    DIGEST_UNKNOWN = "DigestUnknown"
    """The status keeps no digest, as with `hmacSecretData: false`."""
    NOT_WATCHED = "DestinationNotWatched"
    """The Secret is a user's, of which only the version is known."""
    DESTINATION_MISSING = "InexistentDestination"
    NOT_OWNED = "DestinationNotOwned"
    DATA_DRIFTED = "SecretDataDrift"
    """The Secret is not what was written, or the digest is of another key."""
    SHAPE_DRIFTED = "SecretMetadataDrift"
    """Type, labels, annotations or owner of the Secret are not what they must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is known of a resource without asking anybody."""

    is_known: bool  # this process has read or adopted it
    generation: int
    synced_generation: int  # 0: never synced
    conditions: Sequence[Condition]
    digest: bytes  # of the data that was last written; b"" if none is kept
    transformed_by: bytes = b""  # digest of the transformation that made it; b"": none
    transformation: bytes = b""  # digest of the one there is
    shape: Shape
    secret: ObservedSecret | None  # the destination as it is watched


Rule = Callable[[Observed], bool]

IN_ORDER = (ConditionType.SECRET_SYNCED, ConditionType.HEALTHY, ConditionType.READY)
"""What is True of a resource whose last sync went well."""


def _is_unhealthy(seen: Observed) -> bool:
    return not all(is_true(seen.conditions, each) for each in IN_ORDER)


def _is_transformed_otherwise(seen: Observed) -> bool:
    """Tell whether another transformation is asked for than the one on record.

    Upstream records none: what it left was made by that which there is.
    """
    made_by = seen.transformed_by
    return bool(made_by) and not hmac.compare_digest(made_by, seen.transformation)


def _is_missing(seen: Observed) -> bool:
    return seen.secret is None or seen.secret.deleting


def _is_not_owned(seen: Observed) -> bool:
    secret = seen.secret
    return secret is None or ownership(secret, seen.shape.owner) is not Ownership.OURS


def _has_other_data(seen: Observed) -> bool:
    secret = seen.secret
    return secret is None or not hmac.compare_digest(secret.digest, seen.digest)


def _has_other_shape(seen: Observed) -> bool:
    return seen.secret is None or not is_shaped(seen.secret, seen.shape)


RULES: tuple[tuple[SyncReason, Rule], ...] = (
    (SyncReason.REFRESH, lambda seen: seen.is_known),
    (SyncReason.INITIAL, lambda seen: seen.synced_generation == 0),
    (
        SyncReason.SPEC_CHANGED,
        lambda seen: seen.synced_generation != seen.generation,
    ),
    (SyncReason.TRANSFORMATION_CHANGED, _is_transformed_otherwise),
    (SyncReason.NOT_HEALTHY, _is_unhealthy),
    (SyncReason.DIGEST_UNKNOWN, lambda seen: not seen.digest),
    (SyncReason.NOT_WATCHED, lambda seen: not seen.shape.create),
    (SyncReason.DESTINATION_MISSING, _is_missing),
    (SyncReason.NOT_OWNED, _is_not_owned),
    (SyncReason.DATA_DRIFTED, _has_other_data),
    (SyncReason.SHAPE_DRIFTED, _has_other_shape),
)


def sync_reason(seen: Observed) -> SyncReason | None:
    """Return the first reason to ask Vault; None: the resource is in step."""
    return next((reason for reason, applies in RULES if applies(seen)), None)
