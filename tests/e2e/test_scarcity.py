"""Stories of surroundings that are worn out: no file descriptors, no room, no names.

The process goes on, does what it can, and spends little on what it cannot do.
`LONG=1` lets them last.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from yarl import URL

from tests.e2e.tampering import forgets_names, program_with
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ACCOUNT, OPERATOR, Controller, World
from tests.support.components import kubeconfig
from tests.support.conditions import eventually
from tests.support.tls import LOOPBACK

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(420)]

BAD_TIME = 300.0 if os.environ.get("LONG") else 3.0  # seconds
BUSY = 0.05 if os.environ.get("LONG") else 0.25
"""Share of one CPU that is too much. The rests between tries are scaled down, too."""
TOO_FEW = 3
"""File descriptors: those of standard input, output and errors."""


async def test_row_69_process_without_file_descriptors_waits_for_better_times(
    alone: World, team: Team
) -> None:
    async with alone.controller() as replica:
        await team.put(password="0ld")
        await team.sync()
        await team.wait_ready()

        with limited(replica, resource.RLIMIT_NOFILE, TOO_FEW):
            alone.proxy.reset_connections()
            alone.vault_proxy.reset_connections()
            await team.put(password="n3w")
            async with idling(replica):
                await asyncio.sleep(BAD_TIME)
            assert "Too many open files" in replica.process.log.read_text()

        await team.wait_value("password", b"n3w")
        await team.wait_ready()
    check_unharmed(replica)


async def test_row_69_process_whose_log_finds_no_room_works_on(
    alone: World, team: Team
) -> None:
    async with alone.controller() as replica:
        await team.put(password="0ld")
        await team.sync()
        await team.wait_ready()

        with limited(replica, resource.RLIMIT_FSIZE, 0):
            before = replica.process.log.read_bytes()
            await team.put(password="n3w")
            await team.wait_value("password", b"n3w")
            assert replica.process.log.read_bytes() == before
        await eventually(lambda: has_lost_lines(replica), within=PATIENCE)
        await team.put(password="newer")

        await team.wait_value("password", b"newer")
        await team.wait_ready()
    told = replica.process.log.read_text()[len(before) :].splitlines()
    assert told
    assert all(json.loads(line) for line in told)
    check_unharmed(replica)


async def test_row_69_process_without_a_name_server_waits_for_better_times(
    alone: World, team: Team, tmp_path: Path
) -> None:
    unknown = tmp_path / "unknown-ports"
    servers = [str(URL(each.url).port) for each in (alone.proxy, alone.vault_proxy)]
    unknown.write_text(" ".join(servers))
    config = tmp_path / "kubeconfig"
    token = await alone.admin.token(OPERATOR, ACCOUNT)
    config.write_text(kubeconfig(by_name(alone.proxy.url), alone.proxy.ca_pem, token))
    program = program_with(forgets_names(unknown), tmp_path)

    async with alone.controller(
        f"--kubeconfig={config}", program=program, ready="healthz"
    ) as replica:
        async with idling(replica):
            await asyncio.sleep(BAD_TIME)
        unknown.write_text(servers[1])
        await eventually(replica.is_ready, within=PATIENCE)

        await team.connect(address=by_name(alone.vault_proxy.url))
        await team.put(password="s3cret")
        await team.sync()
        await team.wait_condition("False", "VaultUnreachable")
        unknown.write_text("")

        await team.wait_value("password", b"s3cret")
        await team.wait_ready()
    check_unharmed(replica)


def by_name(url: str) -> str:
    """Return the URL with a host that has to be looked up."""
    return url.replace(LOOPBACK, "localhost")


@contextmanager
def limited(replica: Controller, what: int, limit: int) -> Iterator[None]:
    """Give a process no more than `limit` of a resource for the length of the block."""
    pid = replica.process.pid
    soft, hard = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (limit, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, what, (soft, hard))


async def has_lost_lines(replica: Controller) -> None:
    assert await replica.metric("vso_controller_log_lines_lost_total") > 0


@asynccontextmanager
async def idling(replica: Controller) -> AsyncIterator[None]:
    """Check that a process spends little of the CPU for the length of the block."""
    loop = asyncio.get_running_loop()
    began, spent = loop.time(), cpu_seconds(replica)
    yield
    share = (cpu_seconds(replica) - spent) / (loop.time() - began)
    assert share < BUSY, f"{share:.0%} of one CPU"


def cpu_seconds(replica: Controller) -> float:
    """Return what a process has spent so far, as the system counts it."""
    stat = Path(f"/proc/{replica.process.pid}/stat").read_text()
    after_the_name = stat.rpartition(")")[2].split()
    user, system = after_the_name[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def check_unharmed(replica: Controller) -> None:
    """Check that a process lived on, and met nothing that it had no answer to."""
    log = replica.process.log.read_text()
    assert replica.process.exit_code == 0
    assert "reconcile_crashed" not in log
    assert "Traceback" not in log
