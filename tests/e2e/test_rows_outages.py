"""Rows of the fault matrix (`docs/faults.md`): the API server fails, or refuses us.

It goes away, starts anew, gets slow, replaces its certificates, ends our token,
takes back our rights or does not serve our kinds. `LONG=1` gives it the time that
the matrix has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.e2e.access import Account, kubeconfig_of
from tests.e2e.admin import Manifest, manifests_in
from tests.e2e.levers import api_server_away, restart_api_server, slow_storage
from tests.e2e.stories import CUSTOM, LONG, in_order, reads_all, synced
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import OPERATOR, Controller, World
from tests.support.conditions import eventually
from tests.support.controlplane import ControlPlane
from tests.support.planting import ROOT
from tests.support.requestlog import Exchange

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

OUTAGE = 300.0 if LONG else 3.0  # seconds
STALL = 4.0 if LONG else 1.5  # seconds; a try to renew has half the deadline
STEADY = (  # an election that outlives the stall
    "--leader-elect-lease-duration=15s",
    "--leader-elect-renew-deadline=10s",
    "--leader-elect-retry-period=500ms",
)
PLURAL = "vaultstaticsecrets"


async def test_row_01_api_server_that_is_away_is_waited_for(
    world: World, controller: Controller, team: Team
) -> None:
    secret = await synced(team)

    async with api_server_away(world):
        await asyncio.sleep(OUTAGE)
        await team.put(password="n3w")
        assert controller.process.is_running
    await team.wait_value("password", b"n3w")

    await in_order(team, secret)


async def test_row_02_watches_go_on_where_they_were_after_a_restart(
    world: World, team: Team
) -> None:
    secret = await synced(team)
    mark = world.proxy.recorder.mark()

    await restart_api_server(world)
    await team.sync("other", path=f"{team.namespace}/app")
    await team.wait_ready("other")

    first = await eventually(lambda: _first_words(world, mark), within=PATIENCE)
    assert not any(map(reads_all, first))
    if not isinstance(world.cluster.server, ControlPlane):
        # A real one remembers nothing of what was before its start, and says so.
        since = world.proxy.recorder.since(mark)
        assert list(since.where(reads_all)) == []
    await in_order(team, secret)


async def test_row_16_storage_that_is_slow_costs_no_leadership(
    alone: World, team: Team
) -> None:
    async with alone.controller(*STEADY) as leader:
        secret = await synced(team)

        async with slow_storage(alone, STALL):
            await team.put(password="n3w")
            await asyncio.sleep(STALL)
            await team.wait_value("password", b"n3w")

        await in_order(team, secret)
        assert "leadership_lost" not in leader.log
        assert await leader.metric("leader_election_master_status") == 1


async def test_row_17_token_that_was_replaced_is_taken_up(alone: World) -> None:
    async with alone.apart() as own:
        old, new = [await Account.like_ours(own.admin) for _ in range(2)]
        config = await own.kubeconfig_for(old.name)
        # Who writes is told apart by token: one election of one would look like two.
        async with own.controller("--leader-elect=false", config=config) as replica:
            team = await own.team()
            secret = await synced(team)

            config.write_text((await own.kubeconfig_for(new.name)).read_text())
            await old.end()
            await refused_once(own)
            await team.put(password="n3w")
            await team.wait_value("password", b"n3w")

            await in_order(team, secret)
            assert replica.process.is_running
            await team.end()
        await new.end()
        (await own.report()).check()


async def test_row_18_right_that_is_taken_away_in_one_namespace_hurts_no_other(
    alone: World,
) -> None:
    async with alone.apart() as own:
        one, other = [await own.team() for _ in range(2)]
        account = await Account.like_ours(own.admin, in_namespaces=(OPERATOR,))
        for team in (one, other):
            await account.allow_all(team.namespace)
        watched = f"--watch-namespaces={one.namespace},{other.namespace}"
        config = await own.kubeconfig_for(account.name)
        async with own.controller(watched, config=config) as replica:
            secret, _ = [await synced(team) for team in (one, other)]

            await account.allow_no_secrets(other.namespace)
            own.proxy.reset_connections()
            for team in (one, other):
                await team.put(password="n3w")
            await one.wait_value("password", b"n3w")
            message = await other.wait_condition(
                "False", "KubernetesForbidden", condition="SecretSynced"
            )
            assert 'cannot patch resource "secrets"' in message
            await eventually(
                lambda: _logs(replica, 'cannot watch resource \\"secrets\\"'),
                within=PATIENCE,
            )
            await one.put(password="newer")
            await one.wait_value("password", b"newer")

            await account.allow_all(other.namespace)
            await other.wait_value("password", b"n3w")
            await in_order(one, secret)
            for team in (one, other):
                await team.end()
        await account.end()
        (await own.report()).check()


async def test_row_19_kind_that_is_not_served_is_waited_for(
    alone: World, team: Team
) -> None:
    async with AsyncExitStack() as stack:
        async with not_served(alone):
            run = stack.enter_async_context
            replica = await run(alone.controller(ready="healthz"))
            await eventually(lambda: _logs(replica, "list_failed"), within=PATIENCE)
        await synced(team)
        async with not_served(alone):
            await asyncio.sleep(1)
            assert replica.process.is_running

        # Under another name: the Secret of the first goes when a collector sees it.
        await team.put("again", password="s3cret")
        await team.sync("again")
        await team.wait_value("password", b"s3cret", name="again-secret")
        await team.wait_ready("again")
        await team.end()


async def test_row_26_authority_that_was_replaced_is_trusted(
    alone: World, tmp_path: Path
) -> None:
    async with alone.apart() as own:
        authority = tmp_path / "ca.crt"
        authority.write_text(own.proxy.ca_pem)
        config = await kubeconfig_of(own, authority=authority)
        async with own.controller(config=config):
            team = await own.team()
            secret = await synced(team)

            own.proxy.rotate_authority()
            authority.write_text(own.proxy.ca_pem)
            own.proxy.reset_connections()
            await team.put(password="n3w")
            await team.wait_value("password", b"n3w")

            await in_order(team, secret)
            await team.end()
        (await own.report()).check()


@asynccontextmanager
async def not_served(world: World) -> AsyncIterator[None]:
    """Have no definition of VaultStaticSecrets for the length of the block."""
    admin = world.admin
    definition: Manifest = next(
        each
        for each in manifests_in(ROOT / "crds")
        if each["spec"]["names"]["plural"] == PLURAL
    )

    async def is_gone() -> None:
        assert await admin.get(definition) is None

    await admin.delete(definition)
    await eventually(is_gone, within=2 * PATIENCE)
    try:
        yield
    finally:
        await admin.apply_files(ROOT / "crds")


async def _logs(replica: Controller, words: str) -> None:
    assert words in replica.log


async def refused_once(world: World) -> None:
    """Wait until the server has refused a token that it may remember for a while."""

    async def was_refused() -> None:
        world.proxy.reset_connections()  # who watches is not asked again
        log = world.proxy.recorder.requests
        assert any(one.status == HTTPStatus.UNAUTHORIZED for one in log)

    await eventually(was_refused, within=2 * PATIENCE, pause=0.5)


async def _first_words(world: World, mark: int) -> list[Exchange]:
    """Return what was answered first for each collection that is always watched."""
    since = world.proxy.recorder.since(mark)
    answered = since.where(lambda one: _is_collection(one) and one.status is not None)
    first = {one.head.path: one for one in reversed(answered)}
    assert len(first) == 7, "six kinds of ours, and Secrets"
    return list(first.values())


def _is_collection(exchange: Exchange) -> bool:
    head = exchange.head
    ours = head.path.startswith(CUSTOM) or head.path == "/api/v1/secrets"
    return head.method == "GET" and ours and "/namespaces/" not in head.path
