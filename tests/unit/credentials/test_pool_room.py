"""How many sessions are kept, and which go first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.leases import SECRET_PATH, issue, lease_of
from tests.unit.reconcilers.world import AUTH_SPEC, World
from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


def world_of(most: int, *, auths: int) -> World:
    """Return a world with room for so many sessions, and VaultAuths for more."""
    world = World(most_sessions=most).in_order()
    for number in range(auths):
        world.put(world.auths, ObjectKey("apps", f"auth-{number}"), AUTH_SPEC)
    return world


async def use(world: World, number: int) -> ConsumerSession:
    session = await world.pool.open(ObjectKey("apps", f"r{number}"), f"auth-{number}")
    await session.read(SECRET_PATH)
    return session


async def test_session_that_was_not_used_for_longest_makes_room() -> None:
    world = world_of(2, auths=3)
    first, second = await use(world, 0), await use(world, 1)
    await use(world, 0)

    third = await use(world, 2)

    assert set(world.pool.keys()) == {first.key, third.key}
    assert (len(world.pool), world.pool.evictions) == (2, 1)
    await use(world, 1)
    assert second.key in world.pool.keys()  # noqa: SIM118 - it is no dictionary


async def test_evicted_session_is_not_given_back_and_ends_no_read() -> None:
    world = world_of(1, auths=2)
    evicted = await use(world, 0)

    await use(world, 1)

    assert world.vault.calls[Operation.REVOKE_TOKEN] == 0
    assert (await evicted.read(SECRET_PATH)).status == 200


async def test_session_that_leases_hang_on_never_makes_room() -> None:
    world = world_of(2, auths=4)
    issued = await issue(world, ObjectKey("apps", "r0"), "auth-0")

    for number in (1, 2, 3):
        await use(world, number)

    assert len(world.pool) == 2
    await issued.hold.renew_lease(lease_of(issued), increment=60)
    await issue(world, ObjectKey("apps", "r3"), "auth-3")
    await use(world, 1)
    assert len(world.pool) == 3, "no room is made where everything is needed"


async def test_consumers_of_an_evicted_session_open_another_one() -> None:
    world = world_of(1, auths=2)
    await use(world, 0)
    await use(world, 1)

    await use(world, 0)
    world.pool.release(ObjectKey("apps", "r1"))
    world.pool.release(ObjectKey("apps", "r0"))

    assert len(world.pool) == 0


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 4))
async def test_last_used_sessions_are_the_ones_that_are_kept(
    uses: list[int], most: int
) -> None:
    world = world_of(most, auths=6)
    keys = {}

    for number in uses:
        session = await world.pool.open(
            ObjectKey("apps", f"r{number}"), f"auth-{number}"
        )
        keys[number] = session.key

    latest = list(dict.fromkeys(reversed(uses)))[:most]
    assert set(world.pool.keys()) == {keys[number] for number in latest}
