"""Whose a Secret is: the labels and the owner reference that say so.

Names and values are upstream's, so that a cluster can change operators without
a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vso_controller.foundation.objects import ObservedSecret, OwnerReference

API_GROUP = "secrets.hashicorp.com"
OWNER_LABELS: Mapping[str, str] = {
    "app.kubernetes.io/component": "secret-sync",
    "app.kubernetes.io/managed-by": "hashicorp-vso",
    "app.kubernetes.io/name": "vault-secrets-operator",
}
OWNER_UID_LABEL = f"{API_GROUP}/vso-ownerRefUID"


class Ownership(StrEnum):
    """What a Secret is to a resource."""

    OURS = "ours"
    """It carries our owner reference, or our labels with our uid."""
    SIBLINGS = "siblings"
    """Another resource of this operator has it."""
    FOREIGN = "foreign"
    """This operator has nothing to do with it."""


def owner_labels(uid: str) -> dict[str, str]:
    """Return the labels of a Secret whose owner has `uid`."""
    return {**OWNER_LABELS, OWNER_UID_LABEL: uid}


def ownership(secret: ObservedSecret, owner: OwnerReference) -> Ownership:
    """Tell whose `secret` is, seen from the resource `owner`.

    One of the two marks is enough, so that a Secret that lost the other is
    repaired; an owner reference of another resource outweighs a label.
    """
    if owner in secret.owners:
        return Ownership.OURS
    if is_owned_by_resource(secret):
        return Ownership.SIBLINGS
    if OWNER_LABELS.items() <= secret.labels.items():
        ours = secret.labels.get(OWNER_UID_LABEL) == owner.uid
        return Ownership.OURS if ours else Ownership.SIBLINGS
    return Ownership.FOREIGN


def is_owned_by_resource(secret: ObservedSecret) -> bool:
    """Tell whether an owner reference names a resource of this operator."""
    return any(owner.api_version.startswith(f"{API_GROUP}/") for owner in secret.owners)
