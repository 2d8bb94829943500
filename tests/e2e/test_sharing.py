"""Stories of many who ask Vault the same, and share the answer."""

from __future__ import annotations

import pytest

from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import World
from tests.support.conditions import eventually
from tests.support.faults import Rule
from tests.support.faults_answers import Stall
from tests.support.faults_matching import First, Requests
from tests.support.requestlog import RequestLog

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

FLEET = tuple(f"app-{number}" for number in range(50))
PERIOD = 3.0  # seconds
LATE = 1  # reads of a slot before the first, for the machine may be busy


async def test_fifty_resources_on_one_path_cost_one_read_a_slot(
    world: World, team: Team
) -> None:
    await team.put("shared", password="0ld")
    for name in FLEET:
        await share(team, name, refresh_after=f"{PERIOD:g}s")
    for name in FLEET:
        await team.wait_ready(name)

    mark = world.vault_proxy.recorder.mark()
    await eventually(lambda: has_reads(team, mark, 2), within=PATIENCE)
    await team.put("shared", password="n3w")
    for name in FLEET:
        await team.wait_value("password", b"n3w", f"{name}-secret")
    await eventually(lambda: has_reads(team, mark, 4), within=PATIENCE)

    started = [read.started for read in reads_of(team, mark)]
    slots = 1 + (started[-1] - started[0]) // PERIOD
    assert len(started) <= slots + LATE


async def test_who_was_woken_after_a_write_sees_it_though_an_older_read_goes_on(
    world: World, team: Team
) -> None:
    await team.connect(timeout="5s")
    await team.put("shared", password="0ld")
    await share(team, "edited", refresh_after="1h")
    await team.wait_ready("edited")
    path = f"/v1/secret/data/{team.namespace}/shared"
    # Vault answers it, and the answer does not arrive.
    stalled = Rule(do=Stall(0), on=Requests(("GET",), path=path), when=First(1))

    with world.vault_proxy.faults.active(stalled):
        await share(team, "waiting", refresh_after="1h")
        await eventually(lambda: has_fired(stalled), within=PATIENCE)
        await team.put("shared", password="n3w")
        await share(team, "edited", refresh_after="2h")
        await team.wait_value("password", b"n3w", "edited-secret")

        assert await team.secret("waiting-secret") is None, "its read still goes on"
    await team.wait_value("password", b"n3w", "waiting-secret")


async def share(team: Team, name: str, *, refresh_after: str) -> None:
    """Create or change a resource that reads the path that all read."""
    await team.sync(name, path=f"{team.namespace}/shared", refreshAfter=refresh_after)


def reads_of(team: Team, mark: int) -> RequestLog:
    """Return the reads of the path that all read, since the mark."""
    path = f"/v1/secret/data/{team.namespace}/shared"
    log = team.world.vault_proxy.recorder.since(mark)
    return log.where(lambda each: each.head.path == path)


async def has_reads(team: Team, mark: int, count: int) -> None:
    assert len(reads_of(team, mark)) >= count


async def has_fired(rule: Rule) -> None:
    assert rule.fired
