"""Rows of the fault matrix (`docs/faults.md`): what befalls who leads.

The log of the proxy is the witness of who wrote what, and the oracle of all stories
judges every write by the lease of its process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.e2e.admin import Manifest
from tests.e2e.stories import LONG, at, in_order, synced
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import LEASE, SHORT_LEASE, Controller, World
from tests.support.conditions import eventually
from tests.support.crashpoints import Freeze
from tests.support.faults import Rule
from tests.support.faults_matching import First
from tests.support.faults_requests import Delay
from tests.support.oracle.acts import KubeAct

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

USUAL = (
    "--leader-elect-lease-duration=15s",
    "--leader-elect-renew-deadline=10s",
    "--leader-elect-retry-period=2s",
)
TERM = USUAL if LONG else SHORT_LEASE
HANDOVER = 60.0 if LONG else PATIENCE  # seconds until somebody else leads
RENEWED = 2.0 if LONG else 0.3  # seconds until a leader looks at its lease again
MANY = 30
UNFENCED = frozenset({"leases", "serviceaccounts"})


async def test_row_52_stop_under_load_ends_in_order(alone: World, team: Team) -> None:
    slow = Rule(do=Delay(0.5))
    names = [f"app-{number}" for number in range(MANY)]
    async with alone.controller() as replica:
        with alone.vault_proxy.faults.active(slow):
            for name in names:
                await team.put(name, password="s3cret")
                await team.sync(name)
            started = asyncio.get_running_loop().time()
            await replica.process.stop()
            took = asyncio.get_running_loop().time() - started
        stopped = len(alone.observatory.kube_tap.acts)

    assert replica.process.exit_code == 0
    assert took < 10
    assert await holder(alone) == "", "the lease was given back"
    async with alone.controller():
        for name in names:
            await team.wait_ready(name)
    later = alone.observatory.kube_tap.acts[stopped:]
    assert [act for act in later if act.who == replica.who] == []


@pytest.mark.parametrize(
    "busy", [False, True], ids=["idle", "in the middle of a write"]
)
async def test_row_53_leader_that_was_frozen_writes_nothing_when_it_goes_on(
    alone: World, team: Team, busy: bool
) -> None:
    async with two_replicas(alone) as (former, standby):
        secret = await synced(team)
        await freeze(former, team, busy=busy)
        await leads(standby)
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w")
        frozen = len(alone.observatory.kube_tap.acts)

        former.process.resume()
        await stands_by(former)
        await team.put(password="newer")
        await team.wait_value("password", b"newer")

        later = alone.observatory.kube_tap.acts[frozen:]
        assert list(written_before_next_term(later, former.who)) == []
        await in_order(team, secret)


async def test_row_54_leader_whose_lease_was_given_away_by_hand_stands_down(
    alone: World, team: Team
) -> None:
    async with two_replicas(alone) as (former, standby):
        secret = await synced(team)
        before = len(alone.observatory.kube_tap.acts)
        started = asyncio.get_running_loop().time()

        await edit_lease(alone, holderIdentity="somebody else", leaseDurationSeconds=1)
        await stands_by(former)
        took = asyncio.get_running_loop().time() - started

        assert took < RENEWED + 2, "with its next renewal, and a moment"
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w", within=HANDOVER)
        await in_order(team, secret)
        leading = [await is_leading(each) for each in (former, standby)]
        assert sorted(leading) == [False, True]
        acts = alone.observatory.kube_tap.acts[before:]
        assert len([act for act in acts if act.items]) == 1, "one change, one write"


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {"holderIdentity": None, "renewTime": None, "leaseDurationSeconds": None},
        {
            "holderIdentity": "somebody else",
            "leaseDurationSeconds": 1,
            "renewTime": "2099-01-01T00:00:00.000000Z",
            "leaseTransitions": 2**31 - 1,
        },
    ],
    ids=["deleted", "emptied", "renewed in the future"],
)
async def test_row_55_lease_that_was_spoilt_is_mended(
    alone: World, team: Team, spec: Manifest | None
) -> None:
    async with alone.controller(*TERM) as leader:
        secret = await synced(team)

        if spec is None:
            await alone.admin.delete(LEASE)
        else:
            await edit_lease(alone, **spec)

        async def is_ours() -> None:
            lease = await alone.admin.get(LEASE)
            assert lease is not None
            assert lease["spec"].get("holderIdentity") not in {None, "somebody else"}

        await eventually(is_ours, within=HANDOVER)
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w")
        await in_order(team, secret)
        await leads(leader)


@asynccontextmanager
async def two_replicas(world: World) -> AsyncIterator[tuple[Controller, Controller]]:
    """Run a leader and a standby."""
    async with world.controller(*TERM) as leader:
        await leads(leader)
        async with world.controller(*TERM) as standby:
            yield leader, standby


async def freeze(leader: Controller, team: Team, *, busy: bool) -> None:
    """Suspend a process; a busy one while the answer to its write is on the way."""
    if not busy:
        await told(leader, team)
        leader.process.suspend()
        return
    freeze = Freeze(leader.process)
    rule = Rule(on=at("secrets/app-secret$", team), do=freeze, when=First(1))
    with team.world.proxy.faults.active(rule):
        await team.put(password="frozen")
        await freeze.wait_frozen()


async def told(leader: Controller, team: Team) -> None:
    """Wait until a process has sent the Event that follows its last status."""

    async def so() -> None:
        acts = [
            act
            for act in team.world.observatory.kube_tap.acts
            if act.who == leader.who
            and act.target is not None
            and act.target.namespace == team.namespace
        ]
        assert acts[-1].target is not None
        assert acts[-1].target.plural == "events"
        assert acts[-1].landed

    await eventually(so, within=PATIENCE)


async def is_leading(replica: Controller) -> bool:
    return await replica.metric("leader_election_master_status") == 1


async def leads(replica: Controller) -> None:
    """Wait until a replica leads."""

    async def so() -> None:
        assert await is_leading(replica)

    await eventually(so, within=HANDOVER)


async def stands_by(replica: Controller) -> None:
    """Wait until a replica does not lead."""

    async def so() -> None:
        assert not await is_leading(replica)

    await eventually(so, within=HANDOVER)


async def holder(world: World) -> str:
    """Return who holds the lease, "" for nobody."""
    lease = await world.admin.get(LEASE)
    assert lease is not None
    found: str = lease["spec"].get("holderIdentity") or ""
    return found


async def edit_lease(world: World, **spec: object) -> None:
    """Change the lease as somebody with an editor would."""
    await world.admin.patch(LEASE, {"spec": spec})


def written_before_next_term(acts: Sequence[KubeAct], who: str) -> Iterator[str]:
    """Yield what a process wrote as if it led, until it has won the lease anew.

    That it may, where the machine is so busy that the new leader could not renew.
    """
    for act in acts:
        if act.who != who:
            continue
        if act.claim is not None and act.claim.holder and act.landed:
            return
        if act.target is None or act.target.plural not in UNFENCED:
            yield str(act)
