"""The Secret that holds the key of all digests: its name, its form, its standing.

Everything is upstream's, so that a cluster that changes operators finds the digests
in its statuses right: nothing is read early and nothing written.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vso_controller.foundation.objects import NewSecret, ObjectKey
from vso_controller.foundation.secret import Secret, SecretData

NAME = "vso-cc-storage-hmac-key"
FIELD = "key"
KEY_BYTES = 16
LABELS: Mapping[str, str] = {
    "app.kubernetes.io/component": "client-cache-storage-verification",
    "app.kubernetes.io/managed-by": "hashicorp-vso",
    "app.kubernetes.io/name": "vault-secrets-operator",
}
_TYPE = "Opaque"
_RESERVED = "vso-cc-"
"""How the names of the operator's own Secrets begin: the key, and what upstream
stores of its clients of Vault."""


class KeyStanding(StrEnum):
    """What the Secret in the cluster is to the key that this process uses."""

    IN_STEP = "in step"
    MISSING = "missing"
    UNUSABLE = "unusable"
    """It holds no key of the right length."""
    REPLACED = "replaced"
    """It holds another key."""


_MEANINGS: Mapping[KeyStanding, str] = {
    KeyStanding.IN_STEP: "holds the key in use",
    KeyStanding.MISSING: "does not exist; the leader will create it",
    KeyStanding.UNUSABLE: (
        f"has no {FIELD!r} of {KEY_BYTES} bytes: restore it from a backup, or delete "
        "it to have a new key made, for which everything is read once more"
    ),
    KeyStanding.REPLACED: (
        "holds another key than the one in use, which is kept until the next start; "
        "everything is then read once more"
    ),
}


def new_key_secret(key: ObjectKey, value: Secret[bytes]) -> NewSecret:
    """Return the Secret that is to hold the key `value`."""
    return NewSecret(
        key=key,
        type=_TYPE,
        data=Secret({FIELD: value.reveal()}),
        labels=LABELS,
        immutable=True,
    )


def key_in(data: SecretData) -> Secret[bytes] | None:
    """Return the key that the Secret holds, None if that is none."""
    value = data.reveal().get(FIELD, b"")
    return Secret(value) if len(value) == KEY_BYTES else None


def standing(found: SecretData | None, *, used: Secret[bytes] | None) -> KeyStanding:
    """Compare the Secret that was `found` with the key in use (None: none yet)."""
    if found is None:
        return KeyStanding.MISSING
    value = key_in(found)
    if value is None:
        return KeyStanding.UNUSABLE
    if used is not None and value != used:
        return KeyStanding.REPLACED
    return KeyStanding.IN_STEP


def explain(key: ObjectKey, seen: KeyStanding) -> str:
    """Say of the Secret `key` what is wrong and what helps."""
    return f"Secret {key} {_MEANINGS[seen]}"


def is_reserved(secret: ObjectKey, *, operator_namespace: str) -> bool:
    """Tell whether a Secret is the operator's own, and no resource may write to it."""
    return secret.namespace == operator_namespace and secret.name.startswith(_RESERVED)
