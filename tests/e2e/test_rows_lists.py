"""Rows of the fault matrix (`docs/faults.md`): what befalls lists.

The controller of these stories reads whole states in pages, as from a server that
offers no initial events.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.admin import VSO, Manifest
from tests.e2e.stories import (
    STATIC_LISTS,
    STATIC_WATCHES,
    begins_with_all,
    has_fired,
    in_order,
    knows,
    synced,
)
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually
from tests.support.faults import Rule
from tests.support.faults_documents import error_event, status_document
from tests.support.faults_events import InjectEvent
from tests.support.faults_matching import First, Requests
from tests.support.faults_requests import Respond, SmallPages, kubernetes_failure
from tests.support.requestlog import RequestHead, RequestLog

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def paging(world: World, controller: Controller) -> AsyncIterator[Controller]:
    """A controller that is offered no initial events, in place of the usual one."""
    refused = Rule(on=Requests(also=begins_with_all), do=kubernetes_failure(422))
    await controller.process.stop()
    with world.proxy.faults.active(refused):
        async with world.controller() as replica:
            yield replica
    await controller.process.start()


async def test_row_04_list_whose_continue_token_expired_is_read_from_its_beginning(
    world: World, team: Team, paging: Controller
) -> None:
    secret = await synced(team)
    await team.sync("other", path=f"{team.namespace}/app")
    await team.wait_ready("other")
    pages = Rule(on=STATIC_LISTS, do=SmallPages(1))
    following = Requests(path=STATIC_LISTS.path, watch=False, also=_goes_on)
    expired = Rule(on=following, do=kubernetes_failure(410), when=First(1))

    with world.proxy.faults.active(pages, expired):
        lists = await lists_after_410(world, expired)
        for name in ("app", "other"):
            assert await knows(paging, team, name), "half a list deletes nothing"

        async def is_read_to_its_end() -> None:
            pages = ["continue" in each.head.query for each in lists()]
            assert pages[:4] == [False, True, False, True]

        await eventually(is_read_to_its_end, within=PATIENCE)

    await team.put(password="n3w")
    await team.wait_value("password", b"n3w")
    await in_order(team, secret)


async def test_row_05_server_that_has_not_come_so_far_is_waited_for(
    world: World, team: Team
) -> None:
    secret = await synced(team)
    too_large = status_document(504, "Too large resource version", retry_after=1)
    document = json.loads(too_large)
    document["details"]["causes"] = [{"reason": "ResourceVersionTooLarge"}]
    behind = Rule(
        on=STATIC_LISTS, do=Respond(504, json.dumps(document).encode()), when=First(1)
    )

    with world.proxy.faults.active(behind):
        lists = await lists_after_410(world, behind)

        async def is_asked_again() -> None:
            assert len(lists()) > 1

        await eventually(is_asked_again, within=PATIENCE)

    first, second = lists()[:2]
    assert first.resource_version == second.resource_version
    assert first.resource_version, "anything newer would do, nothing older"
    assert second.started - first.started >= 1, "the server had said when"
    await team.put(password="n3w")
    await team.wait_value("password", b"n3w")
    await in_order(team, secret)


async def test_row_06_list_of_a_server_that_lags_behind_is_not_believed(
    world: World, team: Team, paging: Controller
) -> None:
    await team.put(password="s3cret")
    await team.sync("old", path=f"{team.namespace}/app")
    await team.wait_ready("old")
    past = await listed(world, team)
    secret = await synced(team)
    stale = Rule(on=STATIC_LISTS, do=Respond(200, past), when=First(2))

    with world.proxy.faults.active(stale):
        lists = await lists_after_410(world, stale, times=2)

        async def is_believed() -> None:
            assert len(lists()) > 2

        await eventually(is_believed, within=PATIENCE)

    assert await knows(paging, team, "app"), "though it was in no stale list"
    assert await team.secret() == secret, "nothing went back, nothing was written"
    await team.put(password="n3w")
    await team.wait_value("password", b"n3w")
    await in_order(team, secret)


class Lists:
    """The lists of VaultStaticSecrets since somewhere in a log."""

    def __init__(self, world: World) -> None:
        self._recorder = world.proxy.recorder
        self._mark = self._recorder.mark()

    def __call__(self) -> RequestLog:
        since = self._recorder.since(self._mark)
        return since.where(lambda one: STATIC_LISTS.include(one.head))


async def lists_after_410(world: World, rule: Rule, *, times: int = 1) -> Lists:
    """Have the controller list anew, and wait until `rule` has met it."""
    gone = InjectEvent(error_event(410))
    lists = Lists(world)
    with world.proxy.faults.active(Rule(on=STATIC_WATCHES, do=gone, when=First(1))):
        world.proxy.reset_connections()
        await eventually(lambda: has_fired(rule, times), within=PATIENCE)
    return lists


async def listed(world: World, team: Team) -> bytes:
    """Return what a list answers now, as far as this team goes."""
    items: list[Manifest] = await world.admin.list(
        "VaultStaticSecret", team.namespace, VSO
    )
    newest = max(int(each["metadata"]["resourceVersion"]) for each in items)
    document = {
        "apiVersion": VSO,
        "kind": "VaultStaticSecretList",
        "metadata": {"resourceVersion": str(newest)},
        "items": items,
    }
    return json.dumps(document).encode()


def _goes_on(head: RequestHead) -> bool:
    return "continue=" in head.query
