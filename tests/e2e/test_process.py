"""Stories of the process: how it starts, ends, hands over, and what it tells."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.e2e.admin import Manifest
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import LEASE, Controller, World
from tests.support.conditions import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

CANARY = "canary-3f9a1c"


async def test_stop_ends_the_process_in_order(alone: World) -> None:
    async with alone.controller() as replica:
        await eventually(lambda: _led_by_somebody(alone), within=PATIENCE)
        started = asyncio.get_running_loop().time()
        await replica.process.stop()
        took = asyncio.get_running_loop().time() - started

    assert replica.process.exit_code == 0
    assert took < 10
    assert await _holder(alone) == ""


async def test_standby_takes_over_from_a_leader_that_was_killed(
    alone: World, team: Team
) -> None:
    await team.put(password="0ld")
    async with alone.controller() as leader:
        await team.sync()
        await team.wait_value("password", b"0ld")
        first = await _holder(alone)
        async with alone.controller():
            await leader.process.kill()
            await team.put(password="n3w")

            await team.wait_value("password", b"n3w")
            assert await _holder(alone) not in {"", first}


async def test_standby_writes_nothing(alone: World, team: Team) -> None:
    async with alone.controller() as leader:
        await eventually(lambda: _led_by_somebody(alone), within=PATIENCE)
        async with alone.controller() as standby:
            await team.put(password="s3cret")
            await team.sync()
            await team.wait_ready()

            name = "leader_election_master_status"
            assert (await leader.metric(name), await standby.metric(name)) == (1, 0)
            assert await standby.metric("vso_client_operations_total") == 0


async def test_restart_writes_nothing(alone: World, team: Team) -> None:
    await team.put(password="s3cret")
    async with alone.controller():
        resource = await team.sync()
        await team.wait_ready()
        secret = await team.secret()
        resource = await _found(alone, resource)

    async with alone.controller() as restarted:

        async def refreshed() -> None:
            assert await restarted.metric("vso_client_operations_total") > 3

        await eventually(refreshed, within=PATIENCE)

    assert await team.secret() == secret
    assert await _found(alone, resource) == resource


async def test_only_the_named_namespaces_are_watched(alone: World, team: Team) -> None:
    other = await alone.team()
    await team.put(password="s3cret")
    await other.put(password="s3cret")
    await other.sync()
    async with alone.controller(f"--watch-namespaces={team.namespace}"):
        await team.sync()
        await team.wait_ready()

        assert await other.condition("VaultStaticSecret", "app", "Ready") is None
        assert await other.secret() is None

    async with alone.controller():
        await other.wait_ready()
        await other.end()


async def test_reference_to_a_namespace_that_is_not_watched_is_told(
    alone: World, team: Team
) -> None:
    other = await alone.team()
    await other.authenticate(allowedNamespaces=[team.namespace])
    async with alone.controller(f"--watch-namespaces={team.namespace}"):
        await team.put(password="s3cret")
        await team.sync(vaultAuthRef=f"{other.namespace}/auth")

        told = await team.wait_condition("False", "NamespaceNotWatched")

    assert "--watch-namespaces" in told
    async with alone.controller():
        await team.wait_ready()
        await other.end()


async def test_nothing_secret_is_told_anywhere(
    world: World, controller: Controller, team: Team
) -> None:
    await team.put(password=f"{CANARY}-value")
    await team.sync()
    await team.wait_value("password", f"{CANARY}-value".encode())
    await team.put(**{f"{CANARY}/is/no/key": f"{CANARY}-value"})
    await team.wait_condition("False", "InvalidSecretData")
    await team.authenticate(
        kubernetes={"role": "none", "serviceAccount": "app-sa", "audiences": ["vault"]}
    )
    await team.sync("other")
    await team.wait_condition("False", "VaultLoginFailed", name="other")
    await team.wait_condition("False", "VaultLoginFailed")

    told = controller.process.log.read_text() + await team.everything()
    told += await controller.metrics_text()
    assert f"{CANARY}-value" not in told
    assert "eyJhbGciOi" not in told, "the beginning of every ServiceAccount token"
    assert world.bao.root_token not in told


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--no-such-flag"], 2, "--no-such-flag"),
        (["run", "--max-concurrent-reconciles=none"], 2, "--max-concurrent-reconciles"),
        (["dance"], 2, "unknown command 'dance'"),
        (["--kubeconfig=/nowhere"], 1, "/nowhere"),
        (["--version"], 0, "vso-controller 0."),
        (["--help"], 0, "--leader-elect"),
    ],
)
async def test_command_line_ends_with_its_code(
    arguments: list[str], code: int, told: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vso_controller", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    assert process.returncode == code
    assert told in output.decode()
    assert "Traceback" not in output.decode()


async def test_unreachable_api_server_is_no_reason_to_end(
    world: World, tmp_path: Path
) -> None:
    """A cluster that comes back must not find a crash loop."""
    replica = world.offline_controller(tmp_path)
    await replica.start()

    async def complained() -> None:
        assert "list_failed" in replica.log_tail()
        assert replica.is_running

    await eventually(complained, within=PATIENCE)
    await replica.stop()
    assert replica.exit_code == 0


async def _holder(world: World) -> str:
    lease = await _found(world, LEASE)
    holder: str = lease["spec"].get("holderIdentity") or ""
    return holder


async def _led_by_somebody(world: World) -> None:
    assert await world.admin.get(LEASE) is not None
    assert await _holder(world) != ""


async def _found(world: World, manifest: Manifest) -> Manifest:
    found = await world.admin.get(manifest)
    assert found is not None
    return found
