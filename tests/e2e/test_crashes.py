"""Stories of a controller that is killed between any two of its requests.

The proxies kill it while they hold one of the requests of a first sync in their
hands; the next controller finds what it left, converges, and is killed at another
request in a first sync of its own. `LONG=1` kills before requests are forwarded, too.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

import pytest

from tests.e2e.admin import Manifest, decoded
from tests.e2e.team import Team
from tests.e2e.world import SHORT_LEASE, Controller, World
from tests.support.crashpoints import Kill, Moment
from tests.support.faults import Rule
from tests.support.faults_matching import Nth, Requests
from tests.support.requestlog import RequestHead

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

FIRST_SYNC = (
    Requests(("GET",), path="/namespaces/team-[0-9]+/secrets/vault-ca$"),
    Requests(("PATCH",), path="/namespaces/team-[0-9]+/vaultconnections/vault/status$"),
    Requests(("PATCH",), path="/namespaces/team-[0-9]+/vaultauths/auth/status$"),
    Requests(("POST",), path="/namespaces/team-[0-9]+/serviceaccounts/app-sa/token$"),
    Requests(("PUT",), path="^/v1/auth/kubernetes/login$"),
    Requests(("GET",), path="^/v1/secret/data/team-[0-9]+/app$"),
    Requests(("POST",), path="/namespaces/team-[0-9]+/secrets$"),
    Requests(("PATCH",), path="/namespaces/team-[0-9]+/vaultstaticsecrets/app/status$"),
)
"""What is asked of both servers for a team until the status says that all is well."""
MOMENTS = tuple(Moment) if os.environ.get("LONG") else (Moment.BEFORE_ANSWER,)
OWNER = "secrets.hashicorp.com/vso-ownerRefUID"


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name.lower())
async def test_killed_controller_leaves_nothing_half_done(
    alone: World, moment: Moment
) -> None:
    async with AsyncExitStack() as controllers:
        run = controllers.enter_async_context
        controller = await run(alone.controller(*SHORT_LEASE))
        for request in FIRST_SYNC:
            team, resource = await sync_until_killed(alone, controller, moment, request)

            controller = await run(alone.controller(*SHORT_LEASE))

            await check_synced(team, resource)


@pytest.mark.usefixtures("controller")
async def test_first_sync_has_no_request_that_no_controller_is_killed_at(
    world: World,
) -> None:
    logs = (world.proxy.recorder, world.vault_proxy.recorder)
    marks = [log.mark() for log in logs]

    team = await world.team()
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()

    asked = [
        exchange.head
        for log, mark in zip(logs, marks, strict=True)
        for exchange in log.since(mark)
        if is_for_a_team(exchange.head)
    ]
    await team.end()
    for request in FIRST_SYNC:
        assert any(map(request.include, asked)), request
    known = [head for head in asked if any(each.include(head) for each in FIRST_SYNC)]
    assert asked == known


async def sync_until_killed(
    world: World, controller: Controller, moment: Moment, request: Requests
) -> tuple[Team, Manifest]:
    """Have a controller begin a team's first sync and die at a request of it."""
    kill = Kill(controller.process, at=moment)
    rule = Rule(on=request, do=kill, when=Nth(1))
    with world.proxy.faults.active(rule), world.vault_proxy.faults.active(rule):
        team = await world.team()
        await team.put(password="s3cret")
        resource = await team.sync()
        await kill.wait_dead()
    return team, resource


async def check_synced(team: Team, resource: Manifest) -> None:
    """Check that a resource has become ready, with one Secret that is right."""
    await team.wait_ready()
    (secret,) = [
        each
        for each in await team.world.admin.list("Secret", team.namespace)
        if (each["metadata"].get("labels") or {}).get(OWNER)
        == resource["metadata"]["uid"]
    ]
    assert decoded(secret)["password"] == b"s3cret"
    await team.world.observatory.settle(team.namespace)
    await team.remove()


def is_for_a_team(head: RequestHead) -> bool:
    """Choose what is asked for the sake of a team, once; neither Events nor probes."""
    at_api_server = "/namespaces/team-" in head.path
    at_vault = head.path.startswith("/v1/")
    again_and_again = head.path.endswith(("/events", "/sys/seal-status"))
    return (at_api_server or at_vault) and not again_and_again
