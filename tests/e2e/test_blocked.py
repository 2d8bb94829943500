"""Stories of an event loop that does not turn."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.admin import decoded
from tests.e2e.tampering import blocks_on_signal, program_with
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually
from tests.support.faults import Rule
from tests.support.faults_matching import First, Requests
from tests.support.oracle.acts import KubeAct
from tests.support.processes import ServerProcess
from tests.support.upstream import Answer, Ask, Question

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

LONG = bool(os.environ.get("LONG"))
LEASE = (
    (
        "--leader-elect-lease-duration=15s",
        "--leader-elect-renew-deadline=10s",
        "--leader-elect-retry-period=2s",
        "--event-loop-blocked-after=1s",
    )
    if LONG
    else (
        "--leader-elect-lease-duration=1500ms",
        "--leader-elect-renew-deadline=1s",
        "--leader-elect-retry-period=300ms",
        "--event-loop-blocked-after=100ms",
    )
)
BLOCK = 40.0 if LONG else 5.0
"""Seconds: longer than the lease, and than a standby takes to find out."""
SHORT = 11.0 if LONG else 1.2
"""Seconds: longer than the renew deadline, and shorter than the lease."""


class ChangeAndBlock:
    """Has a process read what it never saw, and blocks it before it can act on it."""

    def __init__(
        self, process: ServerProcess, change: Callable[[], Awaitable[None]]
    ) -> None:
        self._process = process
        self._change = change
        self.struck_at = math.inf  # seconds on the event loop's clock

    async def answer(self, question: Question, ask: Ask) -> Answer:
        await self._change()
        answer = await ask(question)
        self._process.send_signal(signal.SIGUSR1)
        self.struck_at = asyncio.get_running_loop().time()
        return answer


async def test_row_59_blocked_leader_writes_nothing_once_its_lease_is_over(
    alone: World, team: Team, tmp_path: Path
) -> None:
    program = program_with(blocks_on_signal(BLOCK), tmp_path)
    async with alone.controller(*LEASE, program=program) as leader:
        await team.put(password="0ld")
        await team.sync()
        await team.wait_ready()
        (first,) = {act.who for act in writes(alone, team)}

        async with alone.controller(*LEASE):
            block = ChangeAndBlock(leader.process, partial(team.put, password="n3w"))
            reads = Requests(("GET",), path=f"/v1/secret/data/{team.namespace}/")
            rule = Rule(on=reads, do=block, when=First(1))
            with alone.vault_proxy.faults.active(rule):
                await eventually(lambda: has_arrived(team, b"n3w"), within=BLOCK)

            await eventually(lambda: turned_again(leader), within=BLOCK + PATIENCE)
            await eventually(lambda: stands_by(leader), within=PATIENCE)
            since = [each for each in writes(alone, team) if each.at > block.struck_at]

    assert since
    assert first not in {act.who for act in since}, since
    told = leader.process.log.read_text()
    assert told.count('"event_loop_blocked"') == told.count('"leadership_lost"') == 1
    assert "sitecustomize.py:6:block" in told


async def test_row_59_block_that_outlasts_the_renew_deadline_ends_the_term(
    alone: World, team: Team, tmp_path: Path
) -> None:
    """Nobody else is there, and the lease is not over: yet it is given up."""
    program = program_with(blocks_on_signal(SHORT), tmp_path)
    async with alone.controller(*LEASE, program=program) as leader:
        await team.put(password="0ld")
        await team.sync()
        await team.wait_ready()

        leader.process.send_signal(signal.SIGUSR1)
        await eventually(lambda: turned_again(leader), within=SHORT + PATIENCE)
        await team.put(password="n3w")

        await team.wait_value("password", b"n3w")
    assert '"leadership_lost"' in leader.process.log.read_text()


def writes(world: World, team: Team) -> list[KubeAct]:
    """Return what was written into the namespace of a team, tokens aside."""
    return [
        act
        for act in world.observatory.kube_tap.acts
        if act.target is not None
        and act.target.plural != "serviceaccounts"
        and f"/namespaces/{team.namespace}/" in act.head.path
        and act.head.user_agent.startswith("vso-controller")
    ]


async def has_arrived(team: Team, value: bytes) -> None:
    secret = await team.secret()
    assert secret is not None
    assert decoded(secret)["password"] == value


async def turned_again(leader: Controller) -> None:
    assert "event_loop_turned_again" in leader.process.log.read_text()
    stood = "vso_controller_event_loop_blocked_seconds_total"
    assert await leader.metric(stood) >= 1


async def stands_by(leader: Controller) -> None:
    assert await leader.metric("leader_election_master_status") == 0
