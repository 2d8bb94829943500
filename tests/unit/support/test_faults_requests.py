"""Each fault of a request befalls the request it is meant for, and no other."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from tests.support.conditions import eventually
from tests.support.faults import Action, Rule
from tests.support.faults_answers import Drip, Ending, Stall, Truncate
from tests.support.faults_events import (
    CutEvent,
    DropEvent,
    InjectEvent,
    RepeatEvent,
    StallEvents,
    SwapEvents,
)
from tests.support.faults_matching import First, Requests
from tests.support.faults_requests import (
    BlackHole,
    Delay,
    Duplicate,
    FailLate,
    Overtake,
    Reset,
    Respond,
    SmallPages,
    SwallowAnswer,
    kubernetes_failure,
    vault_failure,
    web_page,
)
from tests.support.proxy import RecordingProxy
from tests.unit.support.backends import Backend, only_ended

BODY = b'{"metadata": {"resourceVersion": "7"}}'
SHORT = 0.05  # seconds
LONG = 60.0  # seconds; nobody waits so long


@pytest.mark.parametrize(
    "action",
    [
        Delay(LONG),
        Respond(500),
        Reset(),
        BlackHole(),
        SwallowAnswer(),
        FailLate(kubernetes_failure(504)),
        Duplicate(),
        Overtake(at_most=LONG),
        Truncate(0),
        Truncate(0, Ending.CLEAN),
        Stall(0),
        Drip(LONG),
        CutEvent(1),
        StallEvents(0),
        InjectEvent(b"{}\n"),
        RepeatEvent(1),
        DropEvent(1),
        SwapEvents(1),
    ],
    ids=repr,
)
async def test_a_request_that_is_not_meant_passes(
    action: Action,
    backend: Backend,
    proxy: RecordingProxy,
    client: aiohttp.ClientSession,
) -> None:
    rule = Rule(on=Requests(path="^/meant"), do=action)
    with proxy.faults.active(rule):
        async with client.post(f"{proxy.url}/other", data=BODY) as answer:
            text = await answer.text()

    assert (answer.status, text) == (201, '{"kind": "Secret"}')
    assert backend.bodies == [BODY]
    assert rule.fired == 0
    exchange = await only_ended(proxy)
    assert exchange.faults == ()
    assert [forward.status for forward in exchange.forwards] == [201]


async def test_delayed_request_goes_later(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    started = asyncio.get_running_loop().time()
    with proxy.faults.active(Rule(do=Delay(SHORT))):
        async with client.get(proxy.url) as answer:
            assert answer.status == 201

    exchange = await only_ended(proxy)
    assert exchange.forwards[0].started - started >= SHORT


@pytest.mark.parametrize(
    ("action", "head", "told"),
    [
        pytest.param(
            kubernetes_failure(503, "etcd is down"),
            (503, "application/json"),
            '"message": "etcd is down"',
            id="kubernetes",
        ),
        pytest.param(
            vault_failure(503, "Vault is sealed"),
            (503, "application/json"),
            '{"errors": ["Vault is sealed"]}',
            id="vault",
        ),
        pytest.param(web_page(), (200, "text/html"), "<h1>", id="web page"),
        pytest.param(Respond(472), (472, "application/json"), "", id="not of HTTP"),
    ],
)
async def test_answer_in_place_of_the_server(
    action: Respond,
    head: tuple[int, str],
    told: str,
    proxy: RecordingProxy,
    client: aiohttp.ClientSession,
) -> None:
    with proxy.faults.active(Rule(do=action)):
        async with client.put(proxy.url, data=BODY) as answer:
            assert (answer.status, answer.content_type) == head
            assert told in await answer.text()

    exchange = await only_ended(proxy)
    assert not exchange.was_forwarded
    assert exchange.status == answer.status
    assert exchange.resource_version == "7", "what was asked is known all the same"


async def test_rest_is_asked_for_in_header_and_status(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=kubernetes_failure(429, retry_after=3))):
        async with client.get(proxy.url) as answer:
            status = json.loads(await answer.read())

    assert answer.headers["Retry-After"] == "3"
    assert status["kind"] == "Status"
    assert (status["code"], status["reason"]) == (429, "TooManyRequests")
    assert status["details"]["retryAfterSeconds"] == 3


async def test_reset_request_never_reaches_the_server(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with (
        proxy.faults.active(Rule(do=Reset())),
        pytest.raises(aiohttp.ClientConnectionError),
    ):
        await client.post(proxy.url, data=BODY)

    assert backend.seen == []
    assert not (await only_ended(proxy)).was_forwarded


async def test_black_hole_takes_a_request_and_says_nothing(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=BlackHole())):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await client.post(proxy.url, data=BODY)

        exchange = await only_ended(proxy)

    assert backend.seen == []
    assert exchange.request_body.size == len(BODY)
    assert "client went away" in exchange.failure


async def test_swallowed_answer_was_given(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with (
        proxy.faults.active(Rule(do=SwallowAnswer())),
        pytest.raises(aiohttp.ClientConnectionError),
    ):
        await client.post(proxy.url, data=BODY)

    exchange = await only_ended(proxy)
    assert backend.bodies == [BODY], "the server has acted"
    assert [forward.status for forward in exchange.forwards] == [201]
    assert exchange.status is None
    assert exchange.failure == "the answer 201 was swallowed"


async def test_late_failure_is_told_of_what_the_server_has_done(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=FailLate(kubernetes_failure(504)))):
        async with client.post(proxy.url, data=BODY) as answer:
            told = await answer.json()

    exchange = await only_ended(proxy)
    assert (answer.status, told["reason"]) == (504, "Timeout")
    assert backend.bodies == [BODY], "the server has acted"
    assert [forward.status for forward in exchange.forwards] == [201]


async def test_duplicated_request_reaches_the_server_twice(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async def refuse_the_second(request: web.BaseRequest) -> web.StreamResponse:
        backend.bodies.append(await request.read())
        return web.Response(status=201 if len(backend.seen) == 1 else 409)

    backend.handler = refuse_the_second
    with proxy.faults.active(Rule(do=Duplicate())):
        async with client.post(proxy.url, data=BODY) as answer:
            assert answer.status == 409, "the answer to the second"

    assert backend.bodies == [BODY, BODY]
    exchange = await only_ended(proxy)
    assert [forward.status for forward in exchange.forwards] == [201, 409]


async def test_duplicated_request_without_a_body_has_none(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=Duplicate())):
        async with client.get(proxy.url):
            pass

    assert [request.body_exists for request in backend.seen] == [False, False]


async def test_second_request_overtakes_the_first(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(do=Overtake(at_most=LONG))

    async def get(path: str) -> None:
        async with client.get(f"{proxy.url}{path}"):
            pass

    async def held() -> None:
        assert rule.fired == 1

    with proxy.faults.active(rule):
        async with asyncio.TaskGroup() as group:
            group.create_task(get("/first"))
            await eventually(held, within=5)
            await get("/second")

    assert [request.path for request in backend.seen] == ["/second", "/first"]


async def test_request_that_nobody_overtakes_goes_after_its_time(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=Overtake(at_most=SHORT), when=First(2))):
        for path in ("/first", "/second"):
            async with client.get(f"{proxy.url}{path}") as answer:
                assert answer.status == 201

    assert [request.path for request in backend.seen] == ["/first", "/second"]


async def test_list_is_asked_for_in_smaller_pages(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=SmallPages(2))):
        async with client.get(f"{proxy.url}/pods?limit=500&continue=a%3D"):
            pass

    assert backend.seen[0].raw_path == "/pods?limit=2&continue=a%3D"
