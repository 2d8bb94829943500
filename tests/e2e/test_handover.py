"""Stories of a leader that is stopped in order: how long nobody leads.

With the default timings of the election. What was measured is printed; pytest shows it
with `-rP`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.e2e.stories import LONG, in_order, synced
from tests.e2e.team import Team
from tests.e2e.test_rows_leader import USUAL, leads
from tests.e2e.world import LEASE, Controller, World
from tests.support.faults import Rule
from tests.support.faults_matching import Requests
from tests.support.faults_requests import Delay
from tests.support.oracle.acts import KubeAct
from tests.support.requestlog import to_resource

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

PROMISED = 2.5
"""Seconds from the end of one leadership to the beginning of the next."""
REFRESHED = 3.0
"""Seconds in which a new leader has what changed: a login, a refresh of one second."""
REFRESHED_UNDER_LOAD = 8.0
MANY = 30
SLOW = Rule(on=Requests(path="/v1/"), do=Delay(0.5))
WATCHED = 60.0 if LONG else 6.0  # seconds


async def test_row_52_lease_that_was_given_back_is_taken_as_promised(
    alone: World, team: Team
) -> None:
    async with two_replicas(alone) as (leader, standby):
        secret = await synced(team)
        before = len(alone.observatory.kube_tap.acts)

        await leader.process.stop()
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w")

        acts = alone.observatory.kube_tap.acts[before:]
        nobody = taken(acts, standby) - given_back(acts, leader)
        tell("nobody led", nobody)
        assert nobody <= PROMISED
        written = next(act.at for act in acts if act.items) - given_back(acts, leader)
        tell("it was written after", written)
        assert written <= PROMISED + REFRESHED
        await in_order(team, secret)


async def test_row_52_lease_is_taken_as_promised_under_load(
    alone: World, team: Team
) -> None:
    names = [f"app-{number}" for number in range(MANY)]
    async with two_replicas(alone) as (leader, standby):
        for name in names:
            await team.put(name, password="0ld")
            await team.sync(name)
        for name in names:
            await team.wait_ready(name)
        before = len(alone.observatory.kube_tap.acts)

        with alone.vault_proxy.faults.active(SLOW):
            for name in names:
                await team.put(name, password="n3w")
            await leader.process.stop()
            for name in names:
                await team.put(name, password="newer")
            for name in names:
                await team.wait_value("password", b"newer", f"{name}-secret")

        acts = alone.observatory.kube_tap.acts[before:]
        nobody = taken(acts, standby) - given_back(acts, leader)
        tell("nobody led", nobody)
        assert nobody <= PROMISED
        written = max(act.at for act in acts if act.items) - given_back(acts, leader)
        tell("all was written after", written)
        assert written <= PROMISED + REFRESHED_UNDER_LOAD


async def test_standby_asks_for_the_lease_and_nothing_else(alone: World) -> None:
    spec = {"holderIdentity": "somebody else", "leaseDurationSeconds": 3600}
    await alone.admin.apply(LEASE | {"spec": spec})
    try:
        async with alone.controller(*USUAL):
            mark = alone.proxy.recorder.mark()
            await asyncio.sleep(WATCHED)
            asked = alone.proxy.recorder.since(mark)
    finally:
        await alone.admin.delete(LEASE)

    looks = asked.where(to_resource("leases"))
    tell("from one request to the next", WATCHED / len(asked))
    assert WATCHED / 2 - 1 <= len(looks) <= WATCHED + 1
    assert list(asked.writes()) == []
    assert len(asked.watches()) + len(looks) == len(asked)


@asynccontextmanager
async def two_replicas(world: World) -> AsyncIterator[tuple[Controller, Controller]]:
    """Run a leader and a standby with the default timings."""
    async with world.controller(*USUAL) as leader:
        await leads(leader)
        async with world.controller(*USUAL) as standby:
            yield leader, standby


def tell(what: str, seconds: float) -> None:
    """Print what was measured."""
    sys.stdout.write(f"{what}: {seconds:.3f} s\n")


def given_back(acts: Sequence[KubeAct], leader: Controller) -> float:
    """Return when a leader had given its lease back, in seconds."""
    (release,) = [
        act for act in claims(acts, leader) if act.claim and not act.claim.holder
    ]
    return release.done_at


def taken(acts: Sequence[KubeAct], standby: Controller) -> float:
    """Return when a standby had first taken the lease, in seconds."""
    return claims(acts, standby)[0].done_at


def claims(acts: Sequence[KubeAct], replica: Controller) -> list[KubeAct]:
    """Return what a replica wrote into the lease."""
    return [act for act in acts if act.claim and act.landed and act.who == replica.who]
