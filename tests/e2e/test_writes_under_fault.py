"""Stories of writes that go wrong, by the rows of the fault matrix.

Whatever a write met, it is done once and is right in the end, and what Vault was
asked once is not asked again because of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.e2e.admin import Manifest
from tests.e2e.stories import at, has_fired, in_order, synced
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import Controller, World
from tests.support.conditions import eventually
from tests.support.faults import Action, Rule
from tests.support.faults_events import StallEvents
from tests.support.faults_matching import EveryNth, First, Requests
from tests.support.faults_requests import (
    BlackHole,
    FailLate,
    Reset,
    SwallowAnswer,
    kubernetes_failure,
)
from tests.support.requestlog import RequestLog

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

OWNED_SECRETS = Requests(path="/api/v1/secrets$", watch=True)
SETTLED = 1.0  # seconds after which a key that rested would have been back
UNDISTURBED = 5.0  # seconds; half of what the sending of an Event may take
SERVER_FAILURES = pytest.mark.parametrize("code", [500, 502, 503, 504])


@pytest.mark.parametrize("path", ["secrets/app-secret$", "app/status$"])
async def test_row_12_conflict_costs_no_question_to_vault(
    world: World, team: Team, path: str
) -> None:
    # Who is waited for wakes those who wait, and that is a question each.
    for kind, name in (("VaultConnection", "vault"), ("VaultAuth", "auth")):
        await team.wait_condition("True", "Ready", kind=kind, name=name)
    await team.put(password="s3cret")
    await team.sync(refreshAfter="1h")
    await team.wait_ready()
    rule = Rule(on=patches(path, team), do=kubernetes_failure(409), when=First(2))
    mark = world.vault_proxy.recorder.mark()

    with world.proxy.faults.active(rule):
        await team.sync(refreshAfter="1h", destination={"labels": {"tier": "db"}})
        await eventually(lambda: has_generation(team, 2), within=PATIENCE)
        await asyncio.sleep(SETTLED)

    assert rule.fired == 2
    assert len(questions(world, team, mark)) == 1
    secret = await team.wait_value("password", b"s3cret")
    assert secret["metadata"]["labels"]["tier"] == "db"
    await in_order(team, secret)


async def test_row_13_secret_whose_creation_was_not_answered_is_adopted(
    world: World, team: Team
) -> None:
    lost = Rule(on=creations(team), do=SwallowAnswer(), when=First(1))
    unread = Rule(on=reads(team), do=kubernetes_failure(503), when=First(1))
    mark = world.proxy.recorder.mark()

    async with unseen_secrets(world):
        with world.proxy.faults.active(lost, unread):
            await team.put(password="s3cret")
            await team.sync()
            await team.wait_ready()

    made = creations(team).include
    tries = world.proxy.recorder.since(mark).where(lambda each: made(each.head))
    assert [each.forwards[0].status for each in tries] == [201, 409]
    await in_order(team, await team.wait_value("password", b"s3cret"))


async def test_row_13_taken_name_of_somebody_else_is_refused(
    world: World, team: Team
) -> None:
    # Until theirs is there, or ours could still be the first.
    lost = Rule(on=creations(team), do=Reset())
    unread = Rule(on=reads(team), do=kubernetes_failure(503))
    foreign = team.named("Secret", "app-secret") | {"data": {"theirs": "eWVz"}}

    await team.put(password="s3cret")
    with world.proxy.faults.active(lost, unread):
        await team.sync()
        await eventually(lambda: has_fired(unread), within=PATIENCE)
        foreign = await world.admin.create(foreign)

    await team.wait_condition("False", "DestinationNotOwned")
    assert await team.secret() == foreign
    await world.admin.delete(foreign)
    await team.wait_ready()


@SERVER_FAILURES
async def test_row_15_server_that_fails_every_other_call_is_asked_again(
    world: World, team: Team, code: int
) -> None:
    everything = Requests(path=f"/namespaces/{team.namespace}/")
    rule = Rule(on=everything, do=kubernetes_failure(code), when=EveryNth(2))

    with world.proxy.faults.active(rule):
        secret = await synced(team)
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w")

    assert rule.fired > 2
    await in_order(team, secret)


@SERVER_FAILURES
async def test_row_15_write_that_took_effect_and_failed_happens_once(
    world: World, team: Team, code: int
) -> None:
    late = FailLate(kubernetes_failure(code))
    rule = Rule(on=at("", team), do=late, when=EveryNth(2))
    mark = world.proxy.recorder.mark()

    with world.proxy.faults.active(rule):
        secret = await synced(team)
        await team.put(password="n3w")
        await team.wait_value("password", b"n3w")

    made = creations(team).include
    tries = world.proxy.recorder.since(mark).where(lambda each: made(each.head))
    outcomes = [each.forwards[0].status for each in tries]
    assert outcomes.count(201) == 1
    assert rule.fired > 1
    await in_order(team, secret)


@pytest.mark.parametrize(
    "action",
    [BlackHole(), kubernetes_failure(503), kubernetes_failure(429, retry_after=10)],
    ids=["away", "503", "throttled"],
)
async def test_row_71_events_that_cannot_be_told_delay_nothing(
    world: World, controller: Controller, team: Team, action: Action
) -> None:
    rule = Rule(on=at("events", team), do=action)
    dropped = controller.process.log.read_text().count("event_dropped")

    with world.proxy.faults.active(rule):
        async with asyncio.timeout(UNDISTURBED):
            secret = await synced(team)
            for number in range(2):
                await team.put(password=f"value-{number}")
                await team.wait_value("password", f"value-{number}".encode())
        assert await events(team) == []
        world.proxy.reset_connections()  # it need not wait for its own deadline

    log = controller.process.log
    await eventually(lambda: is_dropped(log.read_text(), dropped), within=PATIENCE)
    await team.put(password="n3w")
    await eventually(lambda: is_told(team), within=PATIENCE)
    await in_order(team, secret)


@asynccontextmanager
async def unseen_secrets(world: World) -> AsyncIterator[None]:
    """Have the watch of our Secrets fall silent for the length of the block."""
    silent = Rule(on=OWNED_SECRETS, do=StallEvents(0))
    with world.proxy.faults.active(silent):
        world.proxy.reset_connections()
        await eventually(lambda: has_fired(silent), within=PATIENCE)
        yield
    world.proxy.reset_connections()


def patches(path: str, team: Team) -> Requests:
    return Requests(("PATCH",), path=f"/namespaces/{team.namespace}/.*{path}")


def creations(team: Team) -> Requests:
    return Requests(("POST",), path=f"/namespaces/{team.namespace}/secrets$")


def reads(team: Team) -> Requests:
    path = f"/namespaces/{team.namespace}/secrets/app-secret$"
    return Requests(("GET",), path=path)


def questions(world: World, team: Team, mark: int) -> RequestLog:
    """Return what Vault was asked for the data of a team since `mark`."""
    path = f"/v1/secret/data/{team.namespace}/"
    log = world.vault_proxy.recorder.since(mark)
    return log.where(lambda each: each.head.path.startswith(path))


async def has_generation(team: Team, generation: int) -> None:
    resource = await team.world.admin.get(team.named("VaultStaticSecret", "app"))
    assert resource is not None
    assert resource["status"]["lastGeneration"] == generation


async def events(team: Team) -> list[Manifest]:
    told = await team.world.admin.list("Event", team.namespace)
    return [each for each in told if each["involvedObject"]["name"] == "app"]


async def is_told(team: Team) -> None:
    assert await events(team), "no Event about the resource"


async def is_dropped(log: str, before: int) -> None:
    assert log.count("event_dropped") > before
