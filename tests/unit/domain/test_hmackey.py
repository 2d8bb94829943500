from __future__ import annotations

import pytest

from vso_controller.domain.hmackey import (
    NAME,
    KeyStanding,
    explain,
    is_reserved,
    key_in,
    new_key_secret,
    standing,
)
from vso_controller.foundation.objects import NewSecret, ObjectKey
from vso_controller.foundation.secret import Secret

KEY = ObjectKey("vso-system", NAME)
VALUE = Secret(b"0123456789abcdef")
HELD = Secret({"key": VALUE.reveal()})
OTHER = Secret({"key": b"fedcba9876543210"})
SHORT = Secret({"key": VALUE.reveal()[:-1]})


def test_secret_is_the_one_that_upstream_makes() -> None:
    assert new_key_secret(KEY, VALUE) == NewSecret(
        key=ObjectKey("vso-system", "vso-cc-storage-hmac-key"),
        type="Opaque",
        data=Secret({"key": b"0123456789abcdef"}),
        labels={
            "app.kubernetes.io/name": "vault-secrets-operator",
            "app.kubernetes.io/managed-by": "hashicorp-vso",
            "app.kubernetes.io/component": "client-cache-storage-verification",
        },
        immutable=True,
    )


def test_key_is_what_was_written() -> None:
    assert key_in(new_key_secret(KEY, VALUE).data) == VALUE


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"Key": b"0123456789abcdef"},
        {"key": b""},
        {"key": b"0" * 15},
        {"key": b"0" * 17},
    ],
    ids=["nothing", "other name", "empty", "short", "long"],
)
def test_what_is_no_key_is_none(data: dict[str, bytes]) -> None:
    assert key_in(Secret(data)) is None


@pytest.mark.parametrize(
    ("found", "used", "expected"),
    [
        (None, None, KeyStanding.MISSING),
        (None, VALUE, KeyStanding.MISSING),
        (SHORT, None, KeyStanding.UNUSABLE),
        (SHORT, VALUE, KeyStanding.UNUSABLE),
        (HELD, None, KeyStanding.IN_STEP),
        (HELD, VALUE, KeyStanding.IN_STEP),
        (OTHER, VALUE, KeyStanding.REPLACED),
    ],
)
def test_standing(
    found: Secret[dict[str, bytes]] | None,
    used: Secret[bytes] | None,
    expected: KeyStanding,
) -> None:
    assert standing(found, used=used) is expected


@pytest.mark.parametrize("seen", KeyStanding)
def test_every_standing_is_explained_by_the_name_of_the_secret(
    seen: KeyStanding,
) -> None:
    assert str(KEY) in explain(KEY, seen)


@pytest.mark.parametrize(
    ("secret", "reserved"),
    [
        (KEY, True),
        (ObjectKey("vso-system", "vso-cc-kubernetes-0123"), True),
        (ObjectKey("vso-system", "app"), False),
        (ObjectKey("apps", NAME), False),
    ],
)
def test_operators_own_secrets_are_reserved(secret: ObjectKey, reserved: bool) -> None:
    assert is_reserved(secret, operator_namespace="vso-system") is reserved
