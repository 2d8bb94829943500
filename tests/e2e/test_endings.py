"""Stories of how the process ends: by which code, and how soon."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.admin import Manifest
from tests.e2e.tampering import hangs_over_names, program_with
from tests.e2e.team import PATIENCE, Team
from tests.e2e.test_scarcity import by_name
from tests.e2e.world import OPERATOR, Controller, World
from tests.support.conditions import eventually
from tests.support.faults import Rule
from tests.support.faults_matching import Requests
from tests.support.faults_requests import BlackHole
from vso_controller.vault.window import FIRST

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

RESOURCES = 20
ALLOWED = 10 if os.environ.get("LONG") else 4
"""Seconds that an end may take, by its flag."""
READS = Requests(("GET",), path="/v1/secret/data/")
LEASE: Manifest = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"namespace": OPERATOR, "name": "b0d477c0.hashicorp.com"},
}


async def test_stop_under_load_cuts_short_what_does_not_end_and_is_no_failure(
    alone: World,
) -> None:
    async with loaded(alone) as replica:
        took = await end(replica, signal.SIGTERM)

        assert replica.process.exit_code == 0
        assert took < ALLOWED
        assert await holder(alone) == "", "others need not wait for the lease"
        log = replica.process.log.read_text()
        assert '"work_cut_short"' in log
        assert "Traceback" not in log


async def test_stop_ends_in_time_when_no_server_answers_any_more(
    alone: World,
) -> None:
    async with loaded(alone) as replica:
        with alone.proxy.faults.active(Rule(do=BlackHole())):
            took = await end(replica, signal.SIGTERM)

        assert replica.process.exit_code == 0
        assert took < ALLOWED
        assert '"lease_not_released"' in replica.process.log.read_text()


@pytest.mark.parametrize(
    ("flags", "left"),
    [((), 1), (("--revoke-tokens-on-shutdown",), 0)],
    ids=["left to end", "given back"],
)
async def test_tokens_are_given_back_at_the_end_if_that_is_wanted(
    alone: World, flags: tuple[str, ...], left: int
) -> None:
    async with alone.controller(*flags) as replica:
        team = await alone.team()
        await team.put(password="s3cret")
        await team.sync()
        await team.wait_ready()
        assert len(await team.tokens()) == 1

        await end(replica, signal.SIGTERM)

        assert replica.process.exit_code == 0
        assert len(await team.tokens()) == left
        assert await holder(alone) == ""
    await team.remove()


async def test_vault_that_takes_no_token_back_delays_the_end_a_little(
    alone: World,
) -> None:
    flags = "--revoke-tokens-on-shutdown", f"--shutdown-timeout={ALLOWED}s"
    async with alone.controller(*flags) as replica:
        team = await alone.team()
        await team.put(password="s3cret")
        await team.sync()
        await team.wait_ready()

        with alone.vault_proxy.faults.active(Rule(do=BlackHole())):
            took = await end(replica, signal.SIGTERM)

        assert replica.process.exit_code == 0
        assert took < ALLOWED
        assert await holder(alone) == ""
        assert says_now(replica, "took_leave_of_vault")
    await team.remove()


async def test_stop_ends_in_time_while_a_name_is_looked_up(
    alone: World, team: Team, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    program = program_with(hangs_over_names(begun), tmp_path)
    flag = f"--shutdown-timeout={ALLOWED}s"
    async with alone.controller(flag, program=program) as replica:
        await team.connect(address=by_name(alone.vault_proxy.url))
        await team.sync()
        await eventually(lambda: exists(begun), within=PATIENCE)
        took = await end(replica, signal.SIGTERM)

        assert replica.process.exit_code == 0
        assert took < ALLOWED
        assert await holder(alone) == ""
        assert "Traceback" not in replica.process.log.read_text()
    await team.remove()


async def test_second_stop_does_not_change_the_first(alone: World) -> None:
    async with loaded(alone) as replica:
        replica.process.send_signal(signal.SIGTERM)
        took = await end(replica, signal.SIGTERM)

        assert replica.process.exit_code == 0
        assert took < ALLOWED


async def test_second_interrupt_ends_the_process_at_once(alone: World) -> None:
    async with loaded(alone) as replica:
        replica.process.send_signal(signal.SIGINT)
        await eventually(lambda: says(replica, "stopping"), within=PATIENCE)
        took = await end(replica, signal.SIGINT)

        assert replica.process.exit_code == 130, replica.process.log_tail()
        assert took < ALLOWED / 2
        assert says_now(replica, "interrupted")
        assert "Traceback" not in replica.process.log.read_text()
        assert await holder(alone) == ""


@asynccontextmanager
async def loaded(world: World) -> AsyncIterator[Controller]:
    """Run a controller some of whose workers wait for a Vault that does not answer.

    How many a Vault gets of which nothing is known yet, is the bulkhead's affair; the
    keys of all others wait for a turn.
    """
    async with world.controller(f"--shutdown-timeout={ALLOWED}s") as replica:
        team = await world.team()
        silent = Rule(on=READS, do=BlackHole())
        with world.vault_proxy.faults.active(silent):
            for number in range(RESOURCES):
                await team.put(f"app-{number}", password="s3cret")
                await team.sync(f"app-{number}")
            await eventually(lambda: has_fired(silent), within=PATIENCE)
            yield replica
    await team.remove()


async def end(replica: Controller, number: signal.Signals) -> float:
    """Send a signal and wait for the end; return the seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    replica.process.send_signal(number)
    async with asyncio.timeout(PATIENCE):
        await replica.process.wait_ended()
    return loop.time() - began


async def exists(file: Path) -> None:
    assert file.exists()  # noqa: ASYNC240 - of this test alone


async def has_fired(rule: Rule) -> None:
    assert rule.fired >= FIRST


async def says(replica: Controller, event: str) -> None:
    assert says_now(replica, event)


def says_now(replica: Controller, event: str) -> bool:
    return f'"event": "{event}"' in replica.process.log.read_text()


async def holder(world: World) -> str:
    lease = await world.admin.get(LEASE)
    assert lease is not None
    held: str = lease["spec"].get("holderIdentity") or ""
    return held
