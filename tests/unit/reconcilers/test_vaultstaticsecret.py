from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    DESTINATION,
    PATH,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import (
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import (
    LoginRefused,
    SecretVersionDeleted,
    ServerFailed,
    ServerSealed,
    ServerUnreachable,
    TlsVerificationFailed,
)
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

FOREIGN = ObservedSecret(DESTINATION, "uid-of-theirs", "1", OPAQUE, b"")


async def sync(world: World) -> Outcome:
    return await world.static_secret.reconcile(RESOURCE)


async def fail(world: World) -> OperationFailed:
    with pytest.raises(OperationFailed) as caught:
        await sync(world)
    return caught.value


def ready(world: World) -> tuple[str, str, str]:
    return world.condition(world.resources, RESOURCE, "Ready")


def spec(**changes: object) -> dict[str, Any]:
    return RESOURCE_SPEC | changes


async def test_secret_is_created_as_vault_has_it() -> None:
    world = World().in_order()

    await sync(world)

    assert world.kubernetes.values[DESTINATION] == {
        "password": b"s3cret",
        "_raw": b'{"data":{"password":"s3cret"},"metadata":{"version":"1"}}',
    }
    secret = world.kubernetes.secrets[DESTINATION]
    assert secret.labels["secrets.hashicorp.com/vso-ownerRefUID"] == "uid-of-database"
    assert secret.owners == (
        OwnerReference(
            "secrets.hashicorp.com/v1beta1",
            "VaultStaticSecret",
            "database",
            "uid-of-database",
        ),
    )


async def test_synced_resource_says_so() -> None:
    world = World().in_order()

    await sync(world)

    assert world.conditions(world.resources, RESOURCE) == {
        "SecretSynced": "True",
        "Healthy": "True",
        "Ready": "True",
    }
    assert world.status(world.resources, RESOURCE)["lastGeneration"] == 1
    assert [(told.reason, told.kind) for told in world.kubernetes.told] == [
        ("SecretSynced", "Normal")
    ]


async def test_refresh_that_finds_nothing_new_asks_kubernetes_nothing() -> None:
    world = World().in_order()
    await sync(world)
    before = (world.kubernetes.writes, world.kubernetes.reads)

    for _ in range(5):
        await asyncio.sleep(30)
        await sync(world)

    assert (world.kubernetes.writes, world.kubernetes.reads) == before
    assert len(world.kubernetes.told) == 1
    assert world.vault.logins == 1


async def test_next_refresh_is_due_within_the_period() -> None:
    world = World().in_order()

    outcome = await sync(world)

    assert outcome.requeue_after is not None
    assert 0 < outcome.requeue_after <= 30


async def test_changed_value_reaches_the_secret_in_two_writes() -> None:
    world = World().in_order()
    await sync(world)
    before = world.kubernetes.writes
    world.vault.put(version=2, password="n3w", user="app")

    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"n3w"
    assert world.kubernetes.values[DESTINATION]["user"] == b"app"
    assert world.kubernetes.writes - before == 1, "the status did not change"


async def test_secret_edited_by_hand_is_put_back() -> None:
    world = World().in_order()
    await sync(world)
    world.woken.clear()
    world.kubernetes.edit(DESTINATION, password=b"tampered")

    assert RESOURCE in world.woken, "the watch tells of the edit"
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"


async def test_secret_deleted_by_hand_is_made_anew() -> None:
    world = World().in_order()
    await sync(world)
    world.woken.clear()
    world.kubernetes.remove(DESTINATION)

    assert RESOURCE in world.woken
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"


async def test_own_writes_wake_nobody() -> None:
    world = World().in_order()
    world.woken.clear()

    await sync(world)

    assert RESOURCE not in world.woken


async def test_renamed_destination_takes_the_old_secret_along() -> None:
    world = World().in_order()
    await sync(world)
    renamed = ObjectKey("apps", "renamed")
    world.put(
        world.resources,
        RESOURCE,
        spec(destination={"name": "renamed", "create": True}),
    )

    await sync(world)

    assert list(world.kubernetes.values) == [renamed]


async def test_secret_of_another_namespace_is_never_pruned() -> None:
    world = World().in_order()
    await sync(world)
    elsewhere = ObjectKey("other", "forged")
    marks = world.kubernetes.secrets[DESTINATION]
    world.kubernetes.put(
        ObservedSecret(
            elsewhere,
            "uid-of-forged",
            "1",
            OPAQUE,
            b"",
            labels=marks.labels,
            owners=marks.owners,
        ),
        {"a": b"1"},
    )

    await sync(world)

    assert elsewhere in world.kubernetes.values


async def test_other_type_replaces_the_secret() -> None:
    world = World().in_order()
    await sync(world)
    uid = world.kubernetes.secrets[DESTINATION].uid
    destination = {"name": "db-secret", "create": True, "type": "example.com/db"}
    world.put(world.resources, RESOURCE, spec(destination=destination))

    await sync(world)

    secret = world.kubernetes.secrets[DESTINATION]
    assert (secret.type, secret.uid != uid) == ("example.com/db", True)


async def test_secret_of_somebody_else_is_left_alone() -> None:
    world = World().in_order()
    world.kubernetes.put(FOREIGN, {"theirs": b"1"})

    await fail(world)

    assert world.kubernetes.values[DESTINATION] == {"theirs": b"1"}
    assert ready(world)[:2] == ("False", "DestinationNotOwned")


async def test_secret_appears_when_the_foreign_one_is_gone() -> None:
    world = World().in_order()
    world.kubernetes.put(FOREIGN, {"theirs": b"1"})
    await fail(world)
    world.kubernetes.remove(DESTINATION)

    await sync(world)

    assert ready(world)[0] == "True"
    assert world.kubernetes.told[-1].reason == "SecretSynced"


async def test_users_own_secret_is_filled() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination={"name": "db-secret"}))
    world.kubernetes.put(FOREIGN, {"old": b"1"})

    await sync(world)

    assert set(world.kubernetes.values[DESTINATION]) == {"password", "_raw"}
    assert world.kubernetes.secrets[DESTINATION].labels == {}


async def test_users_own_secret_that_is_missing_is_told() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination={"name": "db-secret"}))

    await fail(world)

    assert ready(world)[:2] == ("False", "DestinationMissing")


async def test_kv_version_1_is_read() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(type="kv-v1", path="legacy"))
    world.vault.stored["secret/legacy"] = {"port": "5432"}

    await sync(world)

    assert world.kubernetes.values[DESTINATION] == {
        "port": b"5432",
        "_raw": b'{"port":"5432"}',
    }


async def test_vault_namespace_of_the_resource_wins() -> None:
    world = World().in_order()
    world.put(world.auths, AUTH, AUTH_SPEC | {"namespace": "team"})
    world.put(world.resources, RESOURCE, spec(namespace="team/sub"))

    await sync(world)

    reads = [each for each in world.vault.requests if each.operation is Operation.READ]
    logins = [
        each for each in world.vault.requests if each.operation is Operation.LOGIN
    ]
    assert [each.namespace for each in reads] == ["team/sub"]
    assert [each.namespace for each in logins] == ["team"]


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


async def test_auth_of_another_namespace_must_admit_the_resource() -> None:
    world = World().in_order()
    elsewhere = ObjectKey("infra", "auth")
    connection = AUTH_SPEC | {"vaultConnectionRef": "apps/vault"}
    world.put(world.auths, elsewhere, connection)
    world.put(world.resources, RESOURCE, spec(vaultAuthRef="infra/auth"))

    assert await sync(world) == Outcome()
    assert ready(world)[:2] == ("False", "VaultAuthNotAllowed")

    world.woken.clear()
    world.put(world.auths, elsewhere, connection | {"allowedNamespaces": ["apps"]})
    assert RESOURCE in world.woken
    await sync(world)
    assert ready(world)[0] == "True"


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        pytest.param(
            {"vaultAuthRef": "a/b/c"}, "InvalidReference", "a/b/c", id="reference"
        ),
        pytest.param({"path": "a/../b"}, "InvalidSpec", "spec.path", id="traversal"),
        pytest.param({"mount": ""}, "InvalidSpec", "spec.mount", id="empty mount"),
        pytest.param({"type": "kv-v3"}, "InvalidSpec", "spec.type", id="type"),
        pytest.param(
            {"rolloutRestartTargets": [{"kind": "Deployment", "name": "web"}]},
            "UnsupportedFeature",
            "spec.rolloutRestartTargets",
            id="unsupported",
        ),
    ],
)
async def test_spec_that_cannot_be_acted_on_waits_for_an_edit(
    changes: dict[str, Any], reason: str, told: str
) -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(**changes))

    outcome = await sync(world)

    assert outcome == Outcome()
    status, named, message = ready(world)
    assert (status, named) == ("False", reason)
    assert told in message
    assert world.vault.calls[Operation.READ] == 0


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ServerSealed("Vault is sealed"), "VaultSealed"),
        (ServerUnreachable("connection refused"), "VaultUnreachable"),
        (TlsVerificationFailed("unknown CA"), "VaultTLSFailed"),
        (ServerFailed("500"), "VaultError"),
    ],
)
async def test_first_sync_that_fails_is_not_ready(
    failure: OperationFailed, reason: str
) -> None:
    world = World().in_order()
    world.vault.failures[Operation.READ] = failure

    assert await fail(world) is failure

    assert ready(world) == ("False", reason, str(failure))
    assert world.conditions(world.resources, RESOURCE)["Healthy"] == "False"
    assert world.kubernetes.values == {}


async def test_refused_login_is_told_with_the_role_in_mind() -> None:
    world = World().in_order()
    world.vault.failures[Operation.LOGIN] = LoginRefused("unknown role")

    await fail(world)

    assert ready(world)[:2] == ("False", "VaultLoginFailed")


async def test_missing_service_account_is_told() -> None:
    world = World().in_order()
    world.tokens.accounts.clear()

    await fail(world)

    assert ready(world)[:2] == ("False", "ServiceAccountNotFound")
    assert "apps/app-sa" in ready(world)[2]


async def test_sealed_vault_leaves_the_secret_and_readiness_for_a_while() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")

    await fail(world)
    assert ready(world)[0] == "True"
    assert world.condition(world.resources, RESOURCE, "Healthy")[0] == "False"

    await asyncio.sleep(300)
    await fail(world)
    assert ready(world)[:2] == ("False", "VaultSealed")
    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"

    world.vault.failures.clear()
    await sync(world)
    assert ready(world)[0] == "True"


async def test_failure_that_goes_on_is_told_once() -> None:
    world = World().in_order()
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")

    for _ in range(3):
        await fail(world)
        await asyncio.sleep(10)

    warnings = [told for told in world.kubernetes.told if told.kind == "Warning"]
    assert [(told.reason, told.message) for told in warnings] == [
        ("VaultClientError", "VaultSealed: Vault is sealed")
    ]


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


async def test_deleted_version_never_blanks_the_secret() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.failures[Operation.READ] = SecretVersionDeleted(
        "deleted", deletion_time="2026-01-01T00:00:00Z", destroyed=False
    )

    await fail(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"
    assert world.condition(world.resources, RESOURCE, "Healthy")[0] == "False"


async def test_key_that_no_secret_can_have_is_refused_before_writing() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.stored[PATH] = {
        "data": {"a/b": "x"},
        "metadata": {"version": "2"},
    }

    await fail(world)

    assert ready(world)[:2] == ("False", "InvalidSecretData")
    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"


async def test_edited_spec_is_not_ready_before_it_is_synced() -> None:
    world = World().in_order()
    await sync(world)
    world.put(world.resources, RESOURCE, spec(path="nothing/here"))

    await fail(world)

    assert ready(world)[:2] == ("False", "VaultPathNotFound")
    assert world.status(world.resources, RESOURCE)["lastGeneration"] == 1


async def test_lost_leadership_is_no_condition() -> None:
    world = World().in_order()
    world.vault.failures[Operation.READ] = NotLeading("not the leader")

    with pytest.raises(NotLeading):
        await sync(world)

    assert world.status(world.resources, RESOURCE) == {}


async def test_deleted_resource_gives_its_session_back() -> None:
    world = World().in_order()
    await sync(world)
    assert len(world.pool) == 1
    world.remove(world.resources, RESOURCE)

    assert await sync(world) == Outcome()

    assert len(world.pool) == 0
    assert b"controller_resource_status{" not in _exposed(world)


async def test_secret_values_are_in_no_status_event_or_metric() -> None:
    world = World().in_order()
    world.vault.put(password="canary-password")
    await sync(world)
    world.vault.failures[Operation.READ] = ServerFailed("500")
    await fail(world)

    status = str(world.status(world.resources, RESOURCE))
    printed = f"{status}{world.kubernetes.told}{world.pool}{_exposed(world)!r}"
    assert "canary" not in printed


def _exposed(world: World) -> bytes:
    from prometheus_client import generate_latest  # noqa: PLC0415

    return generate_latest(world.metrics.registry)
