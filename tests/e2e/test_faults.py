"""Stories of bad days: the API server, Vault or the network fail for a while.

Whatever happens meanwhile, what Vault says arrives, in one Secret that is never
lost on the way. `LONG=1` makes the bad days longer, `FAULT_SEED` repeats one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from tests.e2e.stories import LONG, at, has_fired, in_order, synced
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import World
from tests.support.conditions import eventually
from tests.support.faults import Action, FaultPlan, Rule
from tests.support.faults_answers import Truncate
from tests.support.faults_events import (
    CutEvent,
)
from tests.support.faults_matching import (
    WATCHES,
    WRITES,
    Chance,
    EveryNth,
    First,
    Requests,
)
from tests.support.faults_requests import (
    BlackHole,
    Delay,
    Duplicate,
    Reset,
    SwallowAnswer,
    kubernetes_failure,
    vault_failure,
    web_page,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

BAD_DAY = 10.0 if LONG else 3.0  # seconds
SEED = int(os.environ["FAULT_SEED"]) if "FAULT_SEED" in os.environ else None
NO_ELECTION = Requests(also=lambda head: "/leases" not in head.path)


@pytest.mark.parametrize("code", [500, 503])
async def test_values_arrive_while_every_third_request_fails(
    world: World, team: Team, code: int
) -> None:
    secret = await synced(team)

    with world.proxy.faults.active(Rule(do=kubernetes_failure(code), when=EveryNth(3))):
        async for value in new_values(team):
            await team.wait_value("password", value)

    await in_order(team, secret)


async def test_writes_whose_answers_are_lost_happen_once(
    world: World, team: Team
) -> None:
    create = Rule(on=at("secrets$", team), do=SwallowAnswer(), when=First(1))
    status = Rule(on=at("app/status$", team), do=SwallowAnswer(), when=First(2))
    token = Rule(on=at("/token$", team), do=SwallowAnswer(), when=First(1))

    with world.proxy.faults.active(create, status, token):
        await team.put(password="0ld")
        await team.sync()
        await team.wait_ready()

    assert (create.fired, status.fired, token.fired) == (1, 2, 1)
    secret = await team.wait_value("password", b"0ld")
    await in_order(team, secret)


async def test_writes_that_arrive_twice_happen_once(world: World, team: Team) -> None:
    rule = Rule(on=at("", team), do=Duplicate())

    with world.proxy.faults.active(rule):
        await team.put(password="0ld")
        await team.sync()
        await team.wait_ready()
        await team.put(password="n3w")
        secret = await team.wait_value("password", b"n3w")

    assert rule.fired > 3
    await in_order(team, secret)


async def test_connections_that_break_are_made_anew(world: World, team: Team) -> None:
    secret = await synced(team)

    async for value in new_values(team):
        world.proxy.reset_connections()
        world.vault_proxy.reset_connections()
        await team.wait_value("password", value)

    await in_order(team, secret)


async def test_login_page_in_place_of_the_api_server_is_not_believed(
    world: World, team: Team
) -> None:
    secret = await synced(team)

    with world.proxy.faults.active(Rule(do=web_page())):
        world.proxy.reset_connections()
        await team.put(password="n3w")
        await asyncio.sleep(BAD_DAY / 2)
        assert await team.secret() == secret
    await team.wait_value("password", b"n3w")

    await in_order(team, secret)


@pytest.mark.parametrize(
    "action",
    [
        vault_failure(503, "Vault is sealed"),
        vault_failure(500, "internal error"),
        web_page(),
        BlackHole(),
        Reset(),
        Truncate(20),
    ],
    ids=["503", "500", "page", "black hole", "reset", "truncated"],
)
async def test_vault_that_fails_for_a_while_takes_nothing_away(
    world: World, team: Team, action: Action
) -> None:
    await team.connect(timeout="1s")
    secret = await synced(team)

    rule = Rule(do=action)
    with world.vault_proxy.faults.active(rule):
        # Then no read is under way any more that began before the rule.
        await team.wait_condition("False", "Unhealthy", condition="Healthy")
        await team.put(password="n3w")
        twice_more = rule.fired + 2
        await eventually(lambda: has_fired(rule, twice_more), within=PATIENCE)
        assert await team.secret() == secret
    await team.wait_value("password", b"n3w")

    await team.wait_condition("True", "Healthy", condition="Healthy")
    await in_order(team, secret)


async def test_day_on_which_everything_fails_now_and_then(
    world: World, team: Team
) -> None:
    secret = await synced(team)
    plan = FaultPlan(
        Rule(on=NO_ELECTION, do=Reset(), when=Chance(0.1)),
        Rule(on=NO_ELECTION, do=Delay(0.2), when=Chance(0.1)),
        Rule(on=NO_ELECTION, do=kubernetes_failure(500), when=Chance(0.1)),
        Rule(on=WRITES, do=SwallowAnswer(), when=Chance(0.1)),
        Rule(on=WRITES, do=Duplicate(), when=Chance(0.1)),
        Rule(on=WATCHES, do=CutEvent(3), when=Chance(0.3)),
        seed=SEED,
    )

    with world.proxy.faults.active(plan), world.vault_proxy.faults.active(plan):
        async for value in new_values(team):
            await team.wait_value("password", value)

    await in_order(team, secret)


async def new_values(team: Team) -> AsyncIterator[bytes]:
    """Write one value after the other, for as long as a bad day lasts."""
    loop = asyncio.get_running_loop()
    end = loop.time() + BAD_DAY
    number = 0
    while number == 0 or loop.time() < end:
        number += 1
        await team.put(password=f"value-{number}")
        yield f"value-{number}".encode()
