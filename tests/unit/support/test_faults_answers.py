"""Each fault of an answer's body befalls it where it should."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from tests.support.faults import Action, Rule
from tests.support.faults_answers import Drip, Ending, Stall, Truncate
from tests.support.proxy import RecordingProxy
from tests.unit.support.backends import (
    Backend,
    Handler,
    is_silent,
    only_ended,
    received,
    seen_body,
)

TEXT = b"0123456789"
SHORT = 0.05  # seconds


async def at_once(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=TEXT)


async def in_pieces(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(TEXT), 3):
        await response.write(TEXT[start : start + 3])
        await asyncio.sleep(0)
    return response


@pytest.fixture(params=[at_once, in_pieces], ids=["at once", "in pieces"], autouse=True)
def _answers(request: pytest.FixtureRequest, backend: Backend) -> None:
    handler: Handler = request.param
    backend.handler = handler


@pytest.mark.parametrize("after", [0, 4, 6])
async def test_truncated_answer_breaks_after_its_bytes(
    after: int, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    came = bytearray()
    with proxy.faults.active(Rule(do=Truncate(after))):
        async with client.get(proxy.url) as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await received(answer, came)

    exchange = await only_ended(proxy)
    assert came == TEXT[:after]
    assert exchange.answer_body == seen_body(TEXT[:after])
    assert exchange.failure == f"cut after {after} bytes"


@pytest.mark.parametrize("after", [0, 4])
async def test_truncated_answer_can_look_whole(
    after: int, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=Truncate(after, Ending.CLEAN))):
        async with client.get(proxy.url) as answer:
            assert await answer.read() == TEXT[:after]

    assert (await only_ended(proxy)).failure == ""


async def test_stalled_answer_stops_after_its_bytes(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=Stall(4))):
        async with client.get(proxy.url) as answer:
            assert await answer.content.readexactly(4) == TEXT[:4]
            assert await is_silent(answer)


async def test_dripping_answer_takes_its_time(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    loop = asyncio.get_running_loop()
    with proxy.faults.active(Rule(do=Drip(pause=SHORT / 5, size=2))):
        async with client.get(proxy.url) as answer:
            headed = loop.time()
            assert await answer.read() == TEXT

    assert loop.time() - headed >= SHORT * 0.8


@pytest.mark.parametrize(
    "action",
    [
        Truncate(len(TEXT) + 1),
        Truncate(len(TEXT) + 1, Ending.CLEAN),
        Stall(len(TEXT) + 1),
        Drip(pause=0.0, size=100),
    ],
    ids=repr,
)
async def test_answer_that_is_too_short_for_its_fault_is_whole(
    action: Action, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    with proxy.faults.active(Rule(do=action)):
        async with client.get(proxy.url) as answer:
            assert await answer.read() == TEXT

    assert (await only_ended(proxy)).failure == ""
