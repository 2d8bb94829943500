"""A store that is filled from the initial events of a watch, and what if not."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.listwatch import FakeListWatch, event_of, make_item
from tests.unit.runtime.following import SOON, agree, running
from tests.unit.runtime.virtual import VirtualClock
from vso_controller.foundation.errors import (
    Denied,
    Gone,
    OperationFailed,
    Throttled,
    Transient,
)
from vso_controller.foundation.listwatch import EventType, Page
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.reflector import Reflector
from vso_controller.runtime.store import Store

pytestmark = pytest.mark.looptime


@pytest.fixture
def server() -> FakeListWatch:
    return FakeListWatch(offers_initial_events=True)


async def test_one_request_fills_the_store_and_keeps_it(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.put("a")
    server.put("b")

    async with running(reflector):
        await store.wait_synced()
        assert agree(store, server)
        server.put("a")
        server.delete("b")
        await asyncio.sleep(1)

        assert agree(store, server)
        assert [request.resource_version for request in server.streams] == [""]
        assert len(server.requests) == 1


async def test_stream_that_ends_is_taken_up_as_a_watch(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        server.put("a")
        await asyncio.sleep(100)
        server.put("b")
        await asyncio.sleep(1)

        assert agree(store, server)
        assert [watch.resource_version for watch in server.watches] == ["11"]
        assert len(server.streams) == 1


async def test_store_takes_the_whole_state_or_none_of_it(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.initial_event_takes = 1
    server.put("a")
    server.put("b")

    async with running(reflector):
        await asyncio.sleep(2.5)
        assert len(store) == 0
        assert not reflector.has_synced
        await asyncio.sleep(1)

        assert agree(store, server)
        assert reflector.has_synced


async def test_change_during_the_initial_events_is_not_lost(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.initial_event_takes = 1
    server.put("a")
    server.put("b")

    async with running(reflector):
        await asyncio.sleep(1.5)
        server.delete("a")
        server.put("b")
        await asyncio.sleep(2)

        assert agree(store, server)


async def test_events_before_the_end_of_the_initial_ones_count(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    """A server may tell changes, and bookmarks without a mark, before the end."""
    server.initial_events_are_marked = False
    server.put("goes")
    server.put("stays")

    async with running(reflector):
        await asyncio.sleep(1)
        server.inject(event_of(EventType.DELETED, make_item("goes", 13)))
        server.inject(event_of(EventType.DELETED, make_item("never was", 14)))
        server.bookmark(14)
        server.initial_events_are_marked = True
        server.inject(server._initial_events()[-1])
        await asyncio.sleep(1)

        assert [item.key.name for item in store.values()] == ["stays"]
        assert len(server.requests) == 1


async def test_version_that_is_gone_leads_to_a_stream_that_is_not_older(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.put("stays")
    server.put("goes")

    async with running(reflector):
        await asyncio.sleep(1)
        server.watch_is_silent = True  # the deletion is never told
        server.inject(Gone("compacted"))
        await asyncio.sleep(0)
        server.delete("goes")
        server.watch_is_silent = False
        server.compact()
        await asyncio.sleep(SOON)

        assert agree(store, server)
        assert [stream.resource_version for stream in server.streams] == ["", "12"]
        assert server.lists == []


async def test_server_that_refuses_is_asked_for_pages_at_once_and_long_after(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.offers_initial_events = False

    async with running(reflector):
        await asyncio.sleep(0.1)
        assert store.has_synced
        for _ in range(10):
            server.inject(Gone("compacted"))
            await asyncio.sleep(100)

        assert len(server.streams) == 1
        assert len(server.lists) == 11


async def test_server_that_refused_long_ago_is_asked_again(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    server.offers_initial_events = False

    async with running(reflector):
        await asyncio.sleep(3600)
        server.offers_initial_events = True
        server.inject(Gone("compacted"))
        await asyncio.sleep(SOON)

        assert len(server.streams) == 2
        assert len(server.lists) == 1


async def test_server_that_never_ends_the_initial_events_is_asked_for_pages(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.initial_events_are_marked = False
    server.put("a")

    async with running(reflector):
        await asyncio.sleep(29)
        assert not store.has_synced
        await asyncio.sleep(2)

        assert agree(store, server)
        assert len(server.lists) == 1


async def test_watch_that_ends_before_its_initial_events_is_followed_by_pages(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.initial_events_are_marked = False
    server.watch_ends_at_once = True
    server.put("a")

    async with running(reflector):
        await asyncio.sleep(1)

        assert agree(store, server)
        assert len(server.streams) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Transient("reset by peer"), id="transient"),
        pytest.param(Denied("may list, may not watch"), id="denied"),
        pytest.param(Gone("no such kind"), id="gone"),
    ],
)
async def test_stream_that_fails_leaves_the_next_try_to_pages_and_no_other(
    server: FakeListWatch,
    store: Store[Envelope],
    reflector: Reflector[Envelope],
    fault: OperationFailed,
) -> None:
    server.stream_faults.append(fault)

    async with running(reflector):
        await asyncio.sleep(SOON)
        assert store.has_synced
        server.inject(Gone("compacted"))
        await asyncio.sleep(SOON)

        assert (len(server.streams), len(server.lists)) == (2, 1)


async def test_throttled_stream_is_asked_for_again_when_the_server_said(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    server.stream_faults.append(Throttled("busy", retry_after=45))

    async with running(reflector):
        await asyncio.sleep(50)

        first, second = server.streams
        assert second.at - first.at == pytest.approx(45, abs=0.01)
        assert server.lists == []


async def test_stream_of_a_server_that_lags_behind_is_refused(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.put("a")

    async with running(reflector):
        await asyncio.sleep(1)
        server.stale_list = Page((), "5")
        server.inject(Gone("compacted"))
        await asyncio.sleep(1)
        assert agree(store, server), "nothing was deleted"
        server.stale_list = None
        await asyncio.sleep(2 * SOON)

        assert agree(store, server)


async def test_contact_is_kept_while_initial_events_come(
    server: FakeListWatch, reflector: Reflector[Envelope], clock: VirtualClock
) -> None:
    server.initial_event_takes = 1
    for name in "abcdefgh":
        server.put(name)

    async with running(reflector):
        await asyncio.sleep(6.5)

        assert not reflector.has_synced
        assert reflector.last_contact == pytest.approx(clock.monotonic(), abs=1)
