"""What a failure does to a VaultStaticSecret, and what it leaves alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.reconcilers.syncing import fail, ready, spec, sync
from tests.unit.reconcilers.world import (
    DESTINATION,
    PATH,
    RESOURCE,
    World,
)
from vso_controller.foundation.errors import OperationFailed
from vso_controller.kube.errors import (
    Conflict,
    ConnectionFailed,
)
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import (
    SecretVersionDeleted,
    ServerFailed,
    ServerSealed,
    ServerUnreachable,
    TlsVerificationFailed,
)
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


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


async def test_end_of_readiness_is_news_of_a_failure_that_was_told_before() -> None:
    world = World().in_order()
    await sync(world)
    world.kubernetes.told.clear()
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")

    for _ in range(5):
        await fail(world)
        await asyncio.sleep(100)

    assert [told.message for told in world.kubernetes.told] == [
        "VaultSealed: Vault is sealed",
        "VaultSealed: Vault is sealed",
    ]


async def test_failure_that_turns_into_another_is_news() -> None:
    world = World().in_order()
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")
    await fail(world)
    world.vault.failures[Operation.READ] = ServerUnreachable("refused")

    await fail(world)

    assert [told.message for told in world.kubernetes.told] == [
        "VaultSealed: Vault is sealed",
        "VaultUnreachable: refused",
    ]


async def test_status_that_met_a_conflict_is_written_the_next_time() -> None:
    world = World().in_order()
    world.kubernetes.failures["write"] = Conflict("patch vaultstaticsecrets/status")
    await fail(world)
    assert world.status(world.resources, RESOURCE) == {}
    world.kubernetes.failures.clear()
    secrets_written = world.kubernetes.secrets[DESTINATION].resource_version

    await sync(world)

    assert ready(world)[0] == "True"
    assert [told.reason for told in world.kubernetes.told] == ["SecretSynced"]
    assert world.kubernetes.secrets[DESTINATION].resource_version == secrets_written


async def test_failure_that_could_not_be_written_is_told_when_it_can_be() -> None:
    world = World().in_order()
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")
    world.kubernetes.failures["write"] = ConnectionFailed("the API server is away")
    await fail(world)
    world.kubernetes.failures.clear()

    await fail(world)

    assert ready(world)[:2] == ("False", "VaultSealed")
    assert [told.reason for told in world.kubernetes.told] == ["VaultClientError"]


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
