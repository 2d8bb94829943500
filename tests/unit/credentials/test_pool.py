from __future__ import annotations

import asyncio

import pytest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    RESOURCE,
    World,
)
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

SECRET_PATH = ("secret", "data", "prod", "db")
OTHER = ObjectKey("apps", "other")


async def test_consumers_of_one_identity_share_one_login() -> None:
    world = World().in_order()

    for name in range(20):
        session = await world.pool.open(ObjectKey("apps", f"r{name}"), "auth")
        await session.read(SECRET_PATH)

    assert world.vault.logins == 1
    assert len(world.pool) == 1


async def test_namespaces_are_different_identities() -> None:
    world = World().in_order()
    world.put(
        world.auths,
        AUTH,
        AUTH_SPEC | {"allowedNamespaces": ["*"], "vaultConnectionRef": "apps/vault"},
    )
    world.tokens.accounts.add(ObjectKey("other", "app-sa"))

    mine = await world.pool.open(RESOURCE, "auth")
    theirs = await world.pool.open(ObjectKey("other", "database"), "apps/auth")
    await mine.read(SECRET_PATH)
    await theirs.read(SECRET_PATH)

    assert world.vault.logins == 2


@pytest.mark.parametrize("changed", ["auth", "connection"])
async def test_changed_reference_means_another_session(changed: str) -> None:
    world = World().in_order()
    before = await world.pool.open(RESOURCE, "auth")
    if changed == "auth":
        world.put(world.auths, AUTH, AUTH_SPEC | {"mount": "other"})
    else:
        world.put(world.connections, CONNECTION, {"address": "https://other"})

    after = await world.pool.open(RESOURCE, "auth")

    assert after.key != before.key
    assert len(world.pool) == 1, "nobody uses the first one any more"


async def test_session_ends_with_its_last_consumer() -> None:
    world = World().in_order()
    await world.pool.open(RESOURCE, "auth")
    await world.pool.open(OTHER, "auth")

    world.pool.release(RESOURCE)
    assert len(world.pool) == 1
    world.pool.release(OTHER)
    world.pool.release(OTHER)

    assert len(world.pool) == 0


async def test_token_is_renewed_while_its_session_is_used() -> None:
    world = World().in_order()
    world.vault.ttl = 60
    session = await world.pool.open(RESOURCE, "auth")
    world.woken.clear()

    await session.read(SECRET_PATH)
    assert session.key in world.woken, "a new token has its renewal planned"
    for _ in range(5):
        outcome = await world.pool.reconcile(session.key)
        assert outcome.requeue_after is not None
        await asyncio.sleep(outcome.requeue_after)
    await session.read(SECRET_PATH)

    assert world.vault.logins == 1
    assert world.vault.calls[Operation.RENEW_TOKEN] >= 4


async def test_read_with_a_known_token_plans_nothing() -> None:
    world = World().in_order()
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(SECRET_PATH)
    await world.pool.reconcile(session.key)
    world.woken.clear()

    await session.read(SECRET_PATH)

    assert world.woken == []


async def test_session_that_is_gone_or_has_no_token_plans_nothing() -> None:
    world = World().in_order()
    session = await world.pool.open(RESOURCE, "auth")

    assert world.pool.keys() == (session.key,)
    assert await world.pool.reconcile(session.key) == Outcome()
    world.pool.release(RESOURCE)
    assert await world.pool.reconcile(session.key) == Outcome()


async def test_two_who_need_the_same_client_get_one() -> None:
    world = World().in_order()
    envelope = world.connections.get(CONNECTION)
    assert envelope is not None

    async with asyncio.TaskGroup() as group:
        first = group.create_task(world.clients_of.open(envelope))
        second = group.create_task(world.clients_of.open(envelope))

    assert first.result() is second.result()
    assert len(world.clients) == 1


async def test_all_clients_are_closed_in_the_end() -> None:
    world = World().in_order()
    await world.pool.open(RESOURCE, "auth")

    await world.clients_of.close()

    assert world.vault.closed == 1
