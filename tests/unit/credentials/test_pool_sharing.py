"""Which consumers of the pool share what they read."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from prometheus_client import generate_latest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    RESOURCE,
    World,
)
from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.foundation.errors import Parked
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

SECRET_PATH = ("secret", "data", "prod", "db")
OTHER = ObjectKey("apps", "other")
THEIRS = ObjectKey("other", "database")


def sharing() -> World:
    """Return a world in which a read takes a second and its answer is kept for ten."""
    world = World(read_sharing_window=10).in_order()
    world.vault.delays[Operation.READ] = 1
    return world


def reads(world: World) -> int:
    return world.vault.calls[Operation.READ]


async def read_in_turn(session: ConsumerSession) -> None:
    """Read as a controller does, which comes again when it is its turn."""
    while True:
        with suppress(Parked):
            await session.read(SECRET_PATH)
            return
        await asyncio.sleep(0.1)


async def read_together(*sessions: ConsumerSession) -> None:
    async with asyncio.TaskGroup() as group:
        for session in sessions:
            group.create_task(read_in_turn(session))


async def test_consumers_of_one_identity_share_a_read() -> None:
    world = sharing()
    mine = await world.pool.open(RESOURCE, "auth", since=0)
    other = await world.pool.open(OTHER, "auth", since=0)

    await read_together(mine, other)
    await other.read(SECRET_PATH)

    assert reads(world) == 1


async def test_consumer_shares_nothing_unless_told_since_when() -> None:
    world = sharing()
    mine = await world.pool.open(RESOURCE, "auth")
    other = await world.pool.open(OTHER, "auth")

    await read_together(mine, other)

    assert reads(world) == 2


async def test_namespaces_share_no_read() -> None:
    world = sharing()
    across = {"allowedNamespaces": ["*"], "vaultConnectionRef": "apps/vault"}
    world.put(world.auths, AUTH, AUTH_SPEC | across)
    world.tokens.accounts.add(ObjectKey("other", "app-sa"))
    mine = await world.pool.open(RESOURCE, "auth", since=0)
    theirs = await world.pool.open(THEIRS, "apps/auth", since=0)

    await read_together(mine, theirs)

    assert (world.vault.logins, reads(world)) == (2, 2)


async def test_session_that_comes_anew_shares_nothing_with_the_old_one() -> None:
    world = sharing()
    before = await world.pool.open(RESOURCE, "auth", since=0)
    await before.read(SECRET_PATH)
    world.pool.release(RESOURCE)

    after = await world.pool.open(RESOURCE, "auth", since=0)
    await after.read(SECRET_PATH)

    assert after.key == before.key
    assert reads(world) == 2


async def test_namespace_of_the_auth_is_the_same_written_out_or_not() -> None:
    world = sharing()
    world.put(world.auths, AUTH, AUTH_SPEC | {"namespace": "team"})
    session = await world.pool.open(RESOURCE, "auth", since=0)

    await session.read(SECRET_PATH)
    await session.read(SECRET_PATH, namespace="team")
    assert reads(world) == 1
    await session.read(SECRET_PATH, namespace="team/sub")
    assert reads(world) == 2


async def test_shared_read_that_is_denied_looks_the_token_up_once() -> None:
    world = sharing()
    opened = [
        await world.pool.open(ObjectKey("apps", f"r{n}"), "auth", since=0)
        for n in range(20)
    ]
    await opened[0].read(SECRET_PATH)
    world.pool._reads.clear()
    world.vault.revoke_all()

    await read_together(*opened)

    assert world.vault.calls[Operation.LOOKUP_TOKEN] == 1
    assert world.vault.logins == 2
    assert reads(world) == 1 + 2, "it was repeated with the new token, for all"


async def test_metrics_tell_what_sharing_spares() -> None:
    world = sharing()
    world.metrics.vault(CONNECTION)
    session = await world.pool.open(RESOURCE, "auth", since=0)

    await read_together(session, session)
    await session.read(SECRET_PATH)

    told = generate_latest(world.metrics.registry).decode()
    for answered, count in (("sent", 1), ("joined", 1), ("kept", 1)):
        labels = f'answered="{answered}",vault_connection="apps/vault"'
        assert f"vso_vault_reads_total{{{labels}}} {count}.0" in told


async def test_series_of_reads_goes_with_its_connection() -> None:
    world = sharing()
    world.metrics.vault(CONNECTION)
    session = await world.pool.open(RESOURCE, "auth", since=0)
    await session.read(SECRET_PATH)

    world.metrics.vault_gone(CONNECTION)
    await session.read(SECRET_PATH)

    series = generate_latest(world.metrics.registry).decode().splitlines()
    assert [each for each in series if each.startswith("vso_vault_reads_total{")] == []
