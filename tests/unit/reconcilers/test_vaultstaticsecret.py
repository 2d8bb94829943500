from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from tests.unit.reconcilers.syncing import fail, spec, sync
from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    DESTINATION,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.domain.cachekey import cache_key
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.objects import (
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import (
    ServerFailed,
)
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


async def test_secret_is_created_as_vault_has_it() -> None:
    world = World().in_order()

    await sync(world)

    assert world.kubernetes.values[DESTINATION] == {
        "password": b"s3cret",
        "_raw": b'{"data":{"password":"s3cret"},"metadata":{"version":"1"}}',
    }
    assert world.kubernetes.reads == 0, "what is not watched is not there"
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


async def test_status_names_the_client_as_upstream_does() -> None:
    world = World().in_order()

    await sync(world)

    meta = world.status(world.resources, RESOURCE)["vaultClientMeta"]
    assert meta == {
        "cacheKey": cache_key(
            "kubernetes",
            auth_uid="uid-of-auth",
            auth_generation=1,
            connection_uid="uid-of-vault",
            connection_generation=1,
            provider_uid="uid-of-app-sa",
        ),
        "id": hashlib.blake2b(b"accessor-1", digest_size=32).hexdigest(),
    }


@pytest.mark.parametrize(
    ("auth", "resource", "asked", "suffix"),
    [
        (None, None, "", ""),
        ("team", None, "team", ""),
        ("team", "", "team", ""),
        ("team", "team", "team", ""),
        ("team", "team/sub", "team/sub", "-team/sub"),
        (None, "team", "team", "-team"),
    ],
)
async def test_resource_of_another_vault_namespace_has_the_token_and_a_clone_key(
    auth: str | None, resource: str | None, asked: str, suffix: str
) -> None:
    world = World().in_order()
    world.put(world.auths, AUTH, AUTH_SPEC | {"namespace": auth})
    await sync(world)
    parent = world.status(world.resources, RESOURCE)["vaultClientMeta"]

    world.put(world.resources, RESOURCE, RESOURCE_SPEC | {"namespace": resource})
    world.vault.put(2, password="n3w")
    await sync(world)

    meta = world.status(world.resources, RESOURCE)["vaultClientMeta"]
    assert meta["cacheKey"] == parent["cacheKey"] + suffix
    assert meta["id"] == parent["id"]
    assert world.vault.requests[-1].namespace == asked
    assert world.vault.logins == 1


async def test_another_token_alone_writes_no_status() -> None:
    world = World().in_order()
    await sync(world)
    before = world.status(world.resources, RESOURCE)
    writes = world.kubernetes.writes

    world.vault.revoke_all()
    await sync(world)
    assert world.vault.logins == 2
    assert world.kubernetes.writes == writes
    world.vault.put(2, password="n3w")
    await sync(world)

    after = world.status(world.resources, RESOURCE)
    assert after["vaultClientMeta"]["cacheKey"] == before["vaultClientMeta"]["cacheKey"]
    assert after["vaultClientMeta"]["id"] != before["vaultClientMeta"]["id"]


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
    assert world.kubernetes.writes - before == 2, "the Secret, its MAC in the status"
    assert [told.message for told in world.kubernetes.told] == ["Secret synced"] * 2


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


async def test_kv_version_1_is_read() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(type="kv-v1", path="legacy"))
    world.vault.stored["secret/legacy"] = {"port": "5432"}

    await sync(world)

    assert world.kubernetes.values[DESTINATION] == {
        "port": b"5432",
        "_raw": b'{"port":"5432"}',
    }


@pytest.mark.parametrize(
    ("version", "query"), [(None, {}), (0, {}), (3, {"version": "3"})]
)
async def test_version_is_asked_for_if_one_is_fixed(
    version: int | None, query: dict[str, str]
) -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(version=version))

    await sync(world)

    reads = [each for each in world.vault.requests if each.operation is Operation.READ]
    assert [each.query for each in reads] == [query]


async def test_resources_that_ask_the_same_are_due_together() -> None:
    world = World().in_order()
    twin = ObjectKey("apps", "twin")
    changes: list[dict[str, Any]] = [{}, {"version": 2}, {"namespace": "team"}]

    due = []
    for change in changes:
        for key, name in ((RESOURCE, "one"), (twin, "other")):
            destination = {"name": name, "create": True}
            world.put(world.resources, key, spec(destination=destination, **change))
            due.append((await world.static_secret.reconcile(key, 0)).requeue_after)

    assert due[0::2] == due[1::2]
    assert len(set(due)) == len(changes)


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


async def test_metric_says_whether_a_resource_is_ready() -> None:
    world = World().in_order()
    series = b'{controller="vaultstaticsecret",name="database",namespace="apps"}'

    await sync(world)
    assert b"controller_resource_status" + series + b" 1.0" in _exposed(world)

    world.put(world.resources, RESOURCE, spec(path="nothing/here"))
    await fail(world)
    assert b"controller_resource_status" + series + b" 0.0" in _exposed(world)


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
