from __future__ import annotations

from typing import Any

import pytest

from vso_controller.api.v1beta1.vaultauth import AuthMethod, VaultAuthSpec
from vso_controller.domain.login import (
    AppRoleLogin,
    FileContent,
    How,
    JwtLogin,
    KubernetesLogin,
    Login,
    SecretEntry,
    ServiceAccountToken,
    TokenLogin,
    login_of,
)
from vso_controller.domain.reasons import Failure, Reason

ACCOUNT = ServiceAccountToken("app-sa", ("vault",), 900)
TOKEN_FIELDS = {
    "serviceAccount": "app-sa",
    "audiences": ["vault"],
    "tokenExpirationSeconds": 900,
}
JWT_ENTRY = SecretEntry("app-jwt", "jwt")


def spec(**fields: object) -> VaultAuthSpec:
    return VaultAuthSpec.model_validate({"mount": "m", **fields}, strict=False)


@pytest.mark.parametrize(
    ("method", "block", "how"),
    [
        pytest.param(
            "kubernetes",
            {"role": "app", **TOKEN_FIELDS},
            KubernetesLogin("app", ACCOUNT),
            id="kubernetes",
        ),
        pytest.param(
            "jwt", {"role": "app", **TOKEN_FIELDS}, JwtLogin("app", ACCOUNT), id="jwt"
        ),
        pytest.param(
            "jwt",
            {"role": "app", "secretRef": "app-jwt"},
            JwtLogin("app", JWT_ENTRY),
            id="jwt from a Secret",
        ),
        pytest.param(
            "jwt",
            {"role": "app", "secretRef": "app-jwt", **TOKEN_FIELDS},
            JwtLogin("app", ACCOUNT),
            id="jwt prefers the ServiceAccount",
        ),
        pytest.param(
            "appRole",
            {"roleId": "r", "secretRef": "app-id"},
            AppRoleLogin("r", SecretEntry("app-id", "id")),
            id="appRole from a Secret",
        ),
        pytest.param(
            "appRole",
            {"roleId": "r", "secretIDPath": "/c/id"},
            AppRoleLogin("r", FileContent("/c/id")),
            id="appRole from a file",
        ),
        pytest.param(
            "token",
            {"secretRef": "app-token"},
            TokenLogin(SecretEntry("app-token", "token")),
            id="token from a Secret",
        ),
        pytest.param(
            "token",
            {"tokenPath": "/c/token"},
            TokenLogin(FileContent("/c/token")),
            id="token from a file",
        ),
    ],
)
def test_login_is_what_the_block_of_its_method_says(
    method: str, block: dict[str, Any], how: How
) -> None:
    fields = {"method": method, method: block, "namespace": "team"}
    added = {"headers": {"x-a": "1"}, "params": {"p": "2"}}

    login = login_of(spec(**fields, **added))

    assert login == Login(
        method=AuthMethod(method),
        mount="m",
        how=how,
        namespace="team",
        headers=added["headers"],
        params=added["params"],
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"mount": None},
            "not set: spec.method, spec.mount, spec.kubernetes.role, "
            "spec.kubernetes.serviceAccount",
            id="nothing",
        ),
        pytest.param(
            {"method": "jwt"},
            "not set: spec.jwt.role, spec.jwt.serviceAccount or spec.jwt.secretRef",
            id="jwt",
        ),
        pytest.param(
            {"method": "appRole", "mount": ""},
            "not set: spec.mount, spec.appRole.roleId, "
            "spec.appRole.secretRef or spec.appRole.secretIDPath",
            id="appRole",
        ),
        pytest.param(
            {"method": "appRole", "appRole": {"secretRef": "a", "secretIDPath": "b"}},
            "not set: spec.appRole.roleId; "
            "spec.appRole.secretRef and spec.appRole.secretIDPath: set one, not both; "
            "spec.appRole.secretIDPath: must be an absolute path without `..`",
            id="all at once",
        ),
        pytest.param(
            {"method": "token", "token": {"tokenPath": "/c/../etc/shadow"}},
            "spec.token.tokenPath: must be an absolute path without `..`",
            id="path that climbs",
        ),
        pytest.param(
            {"method": "token", "mount": None},
            "not set: spec.token.secretRef or spec.token.tokenPath",
            id="token needs no mount",
        ),
    ],
)
def test_all_that_is_wrong_is_named(fields: dict[str, Any], message: str) -> None:
    assert login_of(spec(**fields)) == Failure(Reason.INVALID_SPEC, message)


def test_every_method_is_described_or_told_to_be_unsupported() -> None:
    answers = {method: login_of(spec(method=method)) for method in AuthMethod}

    reasons = {
        method: answer.reason
        for method, answer in answers.items()
        if isinstance(answer, Failure)
    }
    assert reasons == {
        AuthMethod.KUBERNETES: Reason.INVALID_SPEC,
        AuthMethod.JWT: Reason.INVALID_SPEC,
        AuthMethod.APP_ROLE: Reason.INVALID_SPEC,
        AuthMethod.AWS: Reason.UNSUPPORTED_FEATURE,
        AuthMethod.GCP: Reason.UNSUPPORTED_FEATURE,
        AuthMethod.TOKEN: Reason.INVALID_SPEC,
    }
