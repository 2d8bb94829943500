from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.reconcilers.syncing import fail, ready, spec, sync
from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    OPERATOR,
    RESOURCE,
    World,
)
from vso_controller.domain.references import Tenancy
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import (
    ObjectKey,
)
from vso_controller.kube.errors import (
    ConnectionFailed,
    Forbidden,
    Unprocessable,
)
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import (
    LoginRefused,
)
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("auth", "VaultAuthNotFound"), ("connection", "VaultConnectionNotFound")],
)
async def test_missing_reference_waits_for_its_trigger(
    missing: str, reason: str
) -> None:
    world = World().in_order()
    store, key = (
        (world.auths, AUTH) if missing == "auth" else (world.connections, CONNECTION)
    )
    held = store.get(key)
    assert held is not None
    world.remove(store, key)

    outcome = await sync(world)

    assert outcome == Outcome()
    assert ready(world)[:2] == ("False", reason)
    world.woken.clear()
    world.put(store, key, AUTH_SPEC if missing == "auth" else {"address": "http://v"})
    assert RESOURCE in world.woken
    await sync(world)
    assert ready(world)[0] == "True"


async def test_auth_in_a_namespace_that_is_not_watched_is_not_called_missing() -> None:
    world = World(scopes=("apps",)).in_order()
    world.put(world.resources, RESOURCE, spec(vaultAuthRef="other/auth"))

    await sync(world)

    assert ready(world) == (
        "False",
        "NamespaceNotWatched",
        "VaultAuth other/auth cannot be seen: namespace other is not among the "
        "--watch-namespaces of the controller",
    )


async def test_connection_in_a_namespace_that_is_not_watched_is_told_to_all() -> None:
    world = World(
        scopes=("apps",), tenancy=Tenancy(OPERATOR, shared_namespaces=("other",))
    ).in_order()
    world.put(world.auths, AUTH, AUTH_SPEC | {"vaultConnectionRef": "other/vault"})

    await sync(world)
    await world.auth.reconcile(AUTH, 0)

    message = (
        "VaultConnection other/vault cannot be seen: namespace other is not among the "
        "--watch-namespaces of the controller"
    )
    assert ready(world) == ("False", "NamespaceNotWatched", message)
    said = world.condition(world.auths, AUTH, "Ready")
    assert said == ("False", "NamespaceNotWatched", message)


async def test_auth_of_another_namespace_must_admit_the_resource() -> None:
    world = World().in_order()
    elsewhere = ObjectKey("infra", "auth")
    world.put(world.connections, ObjectKey("infra", "vault"), CONNECTION_SPEC)
    connection = AUTH_SPEC | {"vaultConnectionRef": "vault"}
    world.put(world.auths, elsewhere, connection)
    world.put(world.resources, RESOURCE, spec(vaultAuthRef="infra/auth"))

    assert await sync(world) == Outcome()
    assert ready(world)[:2] == ("False", "VaultAuthNotAllowed")

    world.woken.clear()
    world.put(world.auths, elsewhere, connection | {"allowedNamespaces": ["apps"]})
    assert RESOURCE in world.woken
    await sync(world)
    assert ready(world)[0] == "True"


async def test_missing_auth_of_a_synced_resource_ends_readiness_in_time() -> None:
    world = World().in_order()
    await sync(world)
    world.remove(world.auths, AUTH)

    outcome = await sync(world)

    assert ready(world)[0] == "True"
    assert outcome.requeue_after is not None
    await asyncio.sleep(outcome.requeue_after)
    assert await sync(world) == Outcome()
    assert ready(world)[:2] == ("False", "VaultAuthNotFound")


@pytest.mark.parametrize(
    ("what", "changes", "reason", "told"),
    [
        pytest.param(
            "auth",
            {"vaultConnectionRef": "a/b/c"},
            "VaultAuthInvalid",
            "VaultAuth apps/auth: spec.vaultConnectionRef: 'a/b/c'",
            id="reference of the auth",
        ),
        pytest.param(
            "auth",
            {"method": "aws"},
            "VaultAuthInvalid",
            "VaultAuth apps/auth: spec.method",
            id="method of the auth",
        ),
        pytest.param(
            "auth",
            {"kubernetes": {"role": 1}},
            "VaultAuthInvalid",
            "VaultAuth apps/auth: spec.kubernetes.role",
            id="type in the auth",
        ),
        pytest.param(
            "connection",
            {"caCertPath": "/etc/ca", "caCertSecretRef": "ca"},
            "VaultConnectionInvalid",
            "VaultConnection apps/vault: spec.caCertSecretRef",
            id="two CAs in the connection",
        ),
    ],
)
async def test_fault_of_another_spec_is_not_taken_for_ours(
    what: str, changes: dict[str, Any], reason: str, told: str
) -> None:
    world = World().in_order()
    await sync(world)
    if what == "auth":
        world.put(world.auths, AUTH, AUTH_SPEC | changes)
    else:
        world.put(world.connections, CONNECTION, CONNECTION_SPEC | changes)

    outcome = await sync(world)

    assert ready(world)[0] == "True", "what is there is what Vault said last"
    assert told in world.condition(world.resources, RESOURCE, "Healthy")[2]
    assert outcome.requeue_after is not None
    await asyncio.sleep(outcome.requeue_after)
    await sync(world)
    assert ready(world)[:2] == ("False", reason)


async def test_refused_login_is_told_with_the_role_in_mind() -> None:
    world = World().in_order()
    world.vault.failures[Operation.LOGIN] = LoginRefused("unknown role")

    await fail(world)

    assert ready(world)[:2] == ("False", "VaultLoginFailed")


async def test_missing_ca_is_told_as_what_it_is() -> None:
    world = World().in_order()
    spec_with_ca = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec_with_ca)

    await fail(world)

    assert ready(world)[:2] == ("False", "CACertificateUnavailable")


async def test_missing_service_account_is_told() -> None:
    world = World().in_order()
    world.tokens.accounts.clear()

    await fail(world)

    assert ready(world)[:2] == ("False", "ServiceAccountNotFound")
    assert "apps/app-sa" in ready(world)[2]


@pytest.mark.parametrize(
    "refusal",
    [
        Forbidden("create serviceaccounts/token apps/app-sa: no right"),
        Unprocessable("create serviceaccounts/token apps/app-sa: audiences"),
    ],
)
async def test_token_that_kubernetes_refuses_leaves_readiness_for_a_while(
    refusal: OperationFailed,
) -> None:
    world = World().in_order()
    await sync(world)
    world.vault.revoke_all()
    world.tokens.failure = refusal

    await fail(world)

    assert ready(world)[0] == "True", "what is there is what Vault said last"
    assert world.condition(world.resources, RESOURCE, "Healthy")[2] == str(refusal)
    await asyncio.sleep(300)
    await fail(world)
    assert ready(world)[:2] == ("False", "ServiceAccountTokenRefused")


async def test_api_server_that_is_away_is_no_refusal_of_a_token() -> None:
    world = World().in_order()
    world.tokens.failure = ConnectionFailed("create serviceaccounts/token: refused")

    await fail(world)

    assert ready(world)[:2] == ("False", "KubernetesUnavailable")
