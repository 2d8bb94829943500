from __future__ import annotations

from typing import Any

import pytest

from vso_controller.api.v1beta1.vaultstaticsecret import VaultStaticSecretSpec
from vso_controller.domain.features import unsupported_in_static_secret
from vso_controller.domain.reasons import Reason

SPEC: dict[str, Any] = {
    "mount": "secret",
    "path": "app",
    "type": "kv-v2",
    "destination": {"name": "app"},
}


def spec(changes: dict[str, Any]) -> VaultStaticSecretSpec:
    return VaultStaticSecretSpec.model_validate(SPEC | changes, strict=False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"suspend": True}, "spec.suspend"),
        ({"onSourceDeleted": "Clear"}, "spec.onSourceDeleted"),
        ({"rolloutRestart": {"settle": "5s"}}, "spec.rolloutRestart"),
        ({"destination": {"name": "a", "mode": "Merge"}}, "spec.destination.mode"),
        ({"destination": {"name": "a", "retain": True}}, "spec.destination.retain"),
    ],
)
def test_what_is_declared_but_not_there_yet_is_refused_by_name(
    changes: dict[str, Any], field: str
) -> None:
    refusal = unsupported_in_static_secret(spec(changes))

    assert refusal is not None
    assert refusal.reason is Reason.UNSUPPORTED_FEATURE
    assert refusal.message == f"{field} is not supported by this version"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"suspend": False},
        {"onSourceDeleted": "Keep"},
        {"destination": {"name": "a", "mode": "Replace", "retain": False}},
    ],
)
def test_what_is_said_as_it_is_meant_anyway_is_no_use_of_a_feature(
    changes: dict[str, Any],
) -> None:
    assert unsupported_in_static_secret(spec(changes)) is None
