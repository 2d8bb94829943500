"""Rows of the fault matrix (`docs/faults.md`): what befalls watches.

Whatever a watch tells, or does not, every change arrives and nothing is listed
anew without need.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from tests.e2e.admin import Manifest
from tests.e2e.levers import forget_the_past
from tests.e2e.stories import (
    LONG,
    STATIC_SECRETS,
    STATIC_WATCHES,
    has_fired,
    in_order,
    knows,
    reads_all,
    synced,
)
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually
from tests.support.faults import Action, Rule
from tests.support.faults_answers import Ending
from tests.support.faults_documents import HTML, error_event
from tests.support.faults_events import (
    CutEvent,
    InjectEvent,
    LoseDeletions,
    RepeatEvent,
    StallEvents,
    SwapEvents,
)
from tests.support.faults_matching import First
from tests.support.faults_requests import Reset, kubernetes_failure, web_page
from tests.support.requestlog import Exchange, RequestLog

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

UNREST = 10.0 if LONG else 2.0  # seconds
SHORT_WATCHES = (
    "--watch-timeout-min=1s",
    "--watch-timeout-max=2s",
    "--watch-stall-margin=500ms",
)
LARGE = 200_000  # bytes of an annotation; an event has them in one line


async def test_row_03_forgotten_version_leads_to_a_list_without_ghosts(
    world: World, controller: Controller, team: Team
) -> None:
    secret = await synced(team)
    await team.sync("ghost", path=f"{team.namespace}/app")
    await team.wait_ready("ghost")
    mark = world.proxy.recorder.mark()

    blind = Rule(on=STATIC_WATCHES, do=Reset())
    with world.proxy.faults.active(blind):
        world.proxy.reset_connections()
        await eventually(lambda: has_fired(blind), within=PATIENCE)
        await world.admin.delete(team.named("VaultStaticSecret", "ghost"))
        await forget_the_past(world)

    async def has_listed_and_knows_no_ghost() -> RequestLog:
        asked = world.proxy.recorder.since(mark).where(_of_static_secrets)
        lists = asked.where(reads_all)
        assert len(lists) > 0, asked
        assert await knows(controller, team, "app")
        assert not await knows(controller, team, "ghost")
        return lists

    lists = await eventually(has_listed_and_knows_no_ghost, within=PATIENCE)
    assert lists[0].resource_version, "what is older than we know is not asked for"
    await team.put(password="n3w")
    await team.wait_value("password", b"n3w")
    await in_order(team, secret)


async def test_row_07_watch_that_falls_silent_is_replaced(alone: World) -> None:
    silent = Rule(on=STATIC_WATCHES, do=StallEvents(0), when=First(1))
    with alone.proxy.faults.active(silent):
        async with alone.controller(*SHORT_WATCHES):
            await eventually(lambda: has_fired(silent), within=PATIENCE)
            team = await alone.team()

            await in_order(team, await synced(team))

            await team.remove()


@pytest.mark.parametrize(
    "action",
    [CutEvent(1), CutEvent(1, Ending.CLEAN)],
    ids=["broken", "ended"],
)
async def test_row_08_event_that_is_cut_or_very_long_is_not_lost(
    world: World, team: Team, action: Action
) -> None:
    await misses_nothing(world, team, action, padding="x" * LARGE)


@pytest.mark.parametrize(
    "action",
    [
        InjectEvent(error_event(410)),
        InjectEvent(error_event(500)),
        InjectEvent(b'{"type":"DREAMT","object":{}}\n'),
        InjectEvent(b'{"type":"ADDED","object":{"metadata":{"name":"dreamt"}}}\n'),
        InjectEvent(HTML + b"\n"),
        web_page(),
    ],
    ids=["410", "500", "dreamt", "no version", "HTML", "page"],
)
async def test_row_09_event_that_nobody_understands_costs_nothing_but_time(
    world: World, team: Team, action: Action
) -> None:
    await misses_nothing(world, team, action)


@pytest.mark.parametrize(
    "action",
    [
        lambda _: RepeatEvent(1),
        lambda _: SwapEvents(1),
        lambda earlier: InjectEvent(_told_again(earlier), after=2),
    ],
    ids=["repeated", "swapped", "replayed"],
)
async def test_row_10_events_may_come_twice_late_or_again(
    world: World, team: Team, action: Callable[[Manifest], Action]
) -> None:
    earlier = await team.sync("other", path=f"{team.namespace}/app")

    await misses_nothing(world, team, action(earlier))


async def test_row_11_object_made_again_while_its_deletion_was_lost_is_another_one(
    world: World, team: Team
) -> None:
    await synced(team)
    deaf = Rule(on=STATIC_WATCHES, do=LoseDeletions())

    with world.proxy.faults.active(deaf):
        world.proxy.reset_connections()
        await eventually(lambda: has_fired(deaf), within=PATIENCE)
        await world.admin.delete(team.named("VaultStaticSecret", "app"))
        again = await team.sync()

        async def is_owned() -> None:
            secret = await team.secret()
            assert secret is not None
            (owner,) = secret["metadata"]["ownerReferences"]
            assert owner["uid"] == again["metadata"]["uid"]

        await eventually(is_owned, within=2 * PATIENCE)
        await team.wait_ready()
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w")


async def test_row_14_server_that_asks_for_rest_gets_it(
    world: World, team: Team
) -> None:
    secret = await synced(team)
    mark = world.proxy.recorder.mark()

    rule = Rule(do=kubernetes_failure(429, retry_after=1))
    with world.proxy.faults.active(rule):
        world.proxy.reset_connections()
        await team.put(password="n3w")
        await asyncio.sleep(UNREST)
    await team.wait_value("password", b"n3w")

    since = world.proxy.recorder.since(mark)
    assert rule.fired > 4, "the watches at least came back"
    assert list(since.where(reads_all)) == [], "nobody had to list anew"
    await in_order(team, secret)


async def misses_nothing(
    world: World, team: Team, action: Action, *, padding: str = ""
) -> None:
    """Have a watch befall a fault while two resources are made."""
    await team.put(password="s3cret")
    rule = Rule(on=STATIC_WATCHES, do=action, when=First(1))

    with world.proxy.faults.active(rule):
        world.proxy.reset_connections()
        await eventually(lambda: has_fired(rule), within=PATIENCE)
        for name in ("first", "second"):
            await team.sync(name, path=f"{team.namespace}/app")
            if padding:
                note = {"metadata": {"annotations": {"ex.io/note": padding}}}
                await world.admin.patch(team.named("VaultStaticSecret", name), note)

    for name in ("first", "second"):
        await team.wait_value("password", b"s3cret", name=f"{name}-secret")
        await team.wait_ready(name)


def _of_static_secrets(exchange: Exchange) -> bool:
    return re.search(STATIC_SECRETS, exchange.head.path) is not None


def _told_again(earlier: Manifest) -> bytes:
    event = {"type": "MODIFIED", "object": earlier}
    return json.dumps(event).encode() + b"\n"
