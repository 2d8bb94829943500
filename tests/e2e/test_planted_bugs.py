"""The oracle against programs with a bug: a judge that acquits everybody is none.

Each program is a copy of the product with one planted change, and each goes through
the same story behind proxies and under observers of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually
from tests.support.oracle.report import Invariant, Report
from tests.support.planting import Change, plant

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


ALWAYS_WRITES_STATUS = (
    Change(
        "reconcilers/reporting.py", "if report.after == report.before:", "if False:"
    ),
)
IGNORES_VERSIONS = (
    Change("kube/secrets.py", '"resourceVersion": patch.resource_version,', ""),
    Change("kube/secrets.py", ', "resourceVersion": resource_version}', "}"),
    Change("kube/status.py", ', "resourceVersion": envelope.resource_version', ""),
)
LOGS_A_VALUE = (
    Change(
        "reconcilers/destinations.py",
        "    async def _create(self, secret: NewSecret) -> None:\n",
        "    async def _create(self, secret: NewSecret) -> None:\n"
        "        import structlog\n"
        '        structlog.get_logger().info("new", data=secret.data.reveal())\n',
    ),
)


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        pytest.param((), set(), id="nothing"),
        pytest.param(
            ALWAYS_WRITES_STATUS, {Invariant.NO_IDLE_WRITES}, id="always writes status"
        ),
        pytest.param(
            IGNORES_VERSIONS, {Invariant.NOTHING_FOREIGN}, id="ignores versions"
        ),
        pytest.param(LOGS_A_VALUE, {Invariant.NO_LEAK}, id="logs a value"),
    ],
)
async def test_planted_bug_is_found_and_nothing_else(
    alone: World, tmp_path: Path, changes: Sequence[Change], broken: set[Invariant]
) -> None:
    program = plant(changes, tmp_path)

    report = await told_of(alone, program)

    assert {name for name, count in report.numbers.items() if count} == broken, report


async def told_of(world: World, program: Path) -> Report:
    """Run the program through the story; return what the oracle says of it."""
    async with world.apart() as own:
        async with own.controller(program=program) as replica:
            team = await own.team()
            await live_through(team, replica)
            await team.end()
        return await own.report()


async def live_through(team: Team, replica: Controller) -> None:
    """Have a value synced, changed, and then refreshed with nothing to do."""
    make = team.world.observatory.canaries.make
    for value in (make("the first value"), make("the second value")):
        await team.put(password=value)
        await team.sync()
        await team.wait_value("password", value.encode())
    await team.wait_ready()
    seen = await reads(replica, team)

    async def refreshed() -> None:
        assert await reads(replica, team) >= seen + 2

    await eventually(refreshed, within=PATIENCE)


async def reads(replica: Controller, team: Team) -> float:
    """Return how often an entry was read from Vault."""
    return await replica.metric(
        "vso_client_operations_total",
        operation="read",
        vault_connection=f"{team.namespace}/vault",
    )
