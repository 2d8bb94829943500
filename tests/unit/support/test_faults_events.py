"""Each fault of a watch befalls the event it is meant for."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from tests.support.faults import Action, Rule
from tests.support.faults_answers import Ending
from tests.support.faults_documents import error_event
from tests.support.faults_events import (
    CutEvent,
    DropEvent,
    InjectEvent,
    LoseDeletions,
    RepeatEvent,
    StallEvents,
    SwapEvents,
)
from tests.support.faults_matching import WATCHES
from tests.support.proxy import RecordingProxy
from tests.unit.support.backends import Backend, is_silent, only_ended

ONE, TWO, THREE = b'{"n":"one"}\n', b'{"n":"two"}\n', b'{"n":"three"}\n'
GONE = error_event(410)
PIECES = 5  # bytes at a time, so that no event comes in one piece

Http = aiohttp.ClientSession


async def watch(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    events = ONE + TWO + THREE
    for start in range(0, len(events), PIECES):
        await response.write(events[start : start + PIECES])
        await asyncio.sleep(0)
    return response


@pytest.fixture(autouse=True)
def _watches(backend: Backend) -> None:
    backend.handler = watch


async def watched(action: Action, proxy: RecordingProxy, http: Http) -> bytes:
    """Return all events of a watch that befalls a fault."""
    with proxy.faults.active(Rule(on=WATCHES, do=action)):
        async with http.get(f"{proxy.url}/pods?watch=1") as answer:
            return await answer.read()


@pytest.mark.parametrize(
    ("action", "events"),
    [
        (CutEvent(2, Ending.CLEAN), [ONE, TWO[:6]]),
        (CutEvent(4, Ending.CLEAN), [ONE, TWO, THREE]),
        (CutEvent(4), [ONE, TWO, THREE]),
        (StallEvents(3), [ONE, TWO, THREE]),
        (InjectEvent(GONE), [GONE, ONE, TWO, THREE]),
        (InjectEvent(GONE, after=2), [ONE, TWO, GONE, THREE]),
        (InjectEvent(GONE, after=4), [ONE, TWO, THREE]),
        (RepeatEvent(2), [ONE, TWO, TWO, THREE]),
        (RepeatEvent(4), [ONE, TWO, THREE]),
        (DropEvent(1), [TWO, THREE]),
        (DropEvent(4), [ONE, TWO, THREE]),
        (SwapEvents(1), [TWO, ONE, THREE]),
        (SwapEvents(4), [ONE, TWO, THREE]),
    ],
    ids=repr,
)
async def test_events_that_come(
    action: Action, events: list[bytes], proxy: RecordingProxy, client: Http
) -> None:
    assert await watched(action, proxy, client) == b"".join(events)


async def test_last_event_that_waits_for_a_later_one_is_not_lost(
    proxy: RecordingProxy, client: Http
) -> None:
    assert await watched(SwapEvents(3), proxy, client) == ONE + TWO + THREE


async def test_watch_breaks_within_an_event(
    proxy: RecordingProxy, client: Http
) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await watched(CutEvent(2), proxy, client)

    exchange = await only_ended(proxy)
    assert exchange.answer_body.size == len(ONE) + len(TWO) // 2
    assert exchange.failure == "cut within event 2"


async def test_stalled_watch_is_silent_after_its_events(
    proxy: RecordingProxy, client: Http
) -> None:
    rule = Rule(on=WATCHES, do=StallEvents(2))
    with proxy.faults.active(rule):
        async with client.get(f"{proxy.url}/pods?watch=1") as answer:
            events = [await answer.content.readline() for _ in range(2)]
            assert await is_silent(answer)

    assert events == [ONE, TWO]


async def test_event_is_injected_into_a_watch_that_is_silent(
    backend: Backend, proxy: RecordingProxy, client: Http
) -> None:
    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    backend.handler = silent
    with proxy.faults.active(Rule(do=InjectEvent(GONE))):
        async with client.get(proxy.url) as answer:
            event = json.loads(await answer.content.readline())

    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


async def test_list_is_no_watch(proxy: RecordingProxy, client: Http) -> None:
    rule = Rule(on=WATCHES, do=DropEvent(1))
    with proxy.faults.active(rule):
        async with client.get(f"{proxy.url}/pods") as answer:
            assert await answer.read() == ONE + TWO + THREE

    assert rule.matched == 0


async def test_deletions_are_lost_and_nothing_else(
    backend: Backend, proxy: RecordingProxy, client: Http
) -> None:
    added, deleted = b'{"type":"ADDED"}\n', b'{"type":"DELETED"}\n'

    async def changes(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=added + deleted + added)

    backend.handler = changes

    assert await watched(LoseDeletions(), proxy, client) == added + added
