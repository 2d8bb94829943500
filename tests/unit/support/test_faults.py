"""Fault rules come and go, count, and tell what they did."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support.faults import FaultPlan, Rule
from tests.support.faults_matching import Chance, EveryNth, Requests
from tests.support.faults_requests import Delay, Respond, SwallowAnswer
from tests.support.proxy import RecordingProxy
from tests.unit.support.backends import Backend, connected, only_ended

WRITES = Requests(("POST",))
TEAPOT = Respond(418)


async def test_a_rule_acts_while_it_is_active(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(do=TEAPOT)
    with proxy.faults.active(rule):
        assert await statuses(client, proxy, 2) == [418, 418]

    assert await statuses(client, proxy, 2) == [201, 201]
    assert (rule.matched, rule.fired) == (2, 2)


async def test_a_rule_is_switched_off_when_its_block_fails(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with pytest.raises(LookupError), proxy.faults.active(Rule(do=TEAPOT)):
        raise LookupError

    assert await statuses(client, proxy, 1) == [201]


async def test_rules_can_be_added_and_removed_one_by_one(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(do=TEAPOT)
    proxy.faults.add(rule)
    assert await statuses(client, proxy, 1) == [418]

    proxy.faults.remove(rule)

    assert await statuses(client, proxy, 1) == [201]


async def test_a_rule_acts_on_its_occasions_and_counts_all_matches(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(do=TEAPOT, when=EveryNth(3))
    with proxy.faults.active(rule):
        assert await statuses(client, proxy, 7) == [201, 201, 418, 201, 201, 418, 201]

    assert (rule.matched, rule.fired) == (7, 2)
    assert len(backend.seen) == 5


async def test_a_rule_leaves_other_requests_alone(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(on=WRITES, do=TEAPOT)
    with proxy.faults.active(rule):
        assert await statuses(client, proxy, 1) == [201]

    assert (rule.matched, rule.fired) == (0, 0)
    assert (await only_ended(proxy)).faults == ()


async def test_the_rule_that_was_added_first_comes_first(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    first, second = Rule(do=TEAPOT), Rule(do=Respond(500))
    with proxy.faults.active(first, second):
        assert await statuses(client, proxy, 1) == [418]

    assert second.matched == 0, "the question never came so far"


async def test_rules_act_together(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rules = Rule(do=Delay(0.0), name="delay"), Rule(do=SwallowAnswer(), name="swallow")
    with proxy.faults.active(*rules):
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(proxy.url)
        exchange = await only_ended(proxy)

    assert exchange.faults == ("delay", "swallow")
    assert [forward.status for forward in exchange.forwards] == [201]
    assert exchange.status is None


async def test_a_rule_at_two_proxies_counts_the_requests_of_both(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(do=TEAPOT, when=EveryNth(2))
    async with (
        RecordingProxy.start(backend.url, backend.ca_pem) as other,
        connected(other) as its_client,
    ):
        with proxy.faults.active(rule), other.faults.active(rule):
            assert await statuses(client, proxy, 1) == [201]
            assert await statuses(its_client, other, 1) == [418]


MANY = 80
"""So many that a chance of one half, twice in vain, is not missed by chance."""


async def test_a_plan_can_be_had_again_by_its_seed(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async def run(seed: int | None) -> tuple[list[int], FaultPlan]:
        plan = FaultPlan(
            Rule(do=TEAPOT, when=Chance(0.5)),
            Rule(do=Respond(500), when=Chance(0.5)),
            seed=seed,
        )
        with proxy.faults.active(plan):
            return await statuses(client, proxy, MANY), plan

    told, plan = await run(None)
    again, _ = await run(plan.seed)
    otherwise, _ = await run(plan.seed + 1)

    assert again == told
    assert otherwise != told
    assert set(told) == {201, 418, 500}, "each rule has chances of its own"


async def test_what_a_plan_did_is_in_the_log_with_its_seed(
    proxy: RecordingProxy,
    client: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = FaultPlan(
        Rule(on=WRITES, do=Delay(1.0)),
        Rule(do=TEAPOT, when=Chance(1), name="teapot"),
        seed=7,
    )
    with proxy.faults.active(plan):
        await statuses(client, proxy, 3)

    assert caplog.messages == [
        "FaultPlan(seed=7)\n"
        "  Delay(seconds=1.0) on POST, Always(): matched 0, fired 0\n"
        "  teapot, Chance(probability=1) from seed 7/1: matched 3, fired 3"
    ]


async def statuses(
    client: aiohttp.ClientSession, proxy: RecordingProxy, requests: int
) -> list[int]:
    """Return the statuses of some GETs, one after the other."""
    told = []
    for _ in range(requests):
        async with client.get(proxy.url) as answer:
            told.append(answer.status)
    return told
