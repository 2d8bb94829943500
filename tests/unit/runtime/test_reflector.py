"""A store follows its server, whatever the server, the network or time do."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.listwatch import (
    FakeListWatch,
    event_of,
    make_item,
)
from tests.unit.runtime.following import SOON, agree, running
from vso_controller.foundation.errors import (
    Denied,
    Gone,
    Invalid,
    OperationFailed,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from vso_controller.foundation.listwatch import (
    EventType,
    Page,
    VersionTooLarge,
    WatchEvent,
)
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.reflector import Reflector
from vso_controller.runtime.store import Store

pytestmark = pytest.mark.looptime


async def test_list_then_watch_keep_the_store_like_the_server(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.put("a")
    server.put("b")

    async with running(reflector):
        await store.wait_synced()
        assert agree(store, server)
        server.put("a")
        server.delete("b")
        server.put("c")
        await asyncio.sleep(1)

        assert agree(store, server)
        assert len(server.lists) == 1
        assert [watch.resource_version for watch in server.watches] == ["12"]


async def test_first_list_asks_for_the_newest_state_page_by_page(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.page_size = 2
    for name in "abcde":
        server.put(name)

    async with running(reflector):
        await store.wait_synced()

    asked = [(page.resource_version, page.continue_token) for page in server.lists]
    assert asked == [("", ""), ("", "15/2"), ("", "15/4")]
    assert agree(store, server)


async def test_watch_that_ends_is_taken_up_where_it_was(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        server.put("a")
        await asyncio.sleep(100)
        server.put("b")
        await asyncio.sleep(1)

        assert agree(store, server)
        assert len(server.lists) == 1
        first, second = server.watches
        assert second.resource_version == "11"
        assert second.at - first.at == pytest.approx(first.timeout, abs=0.01)
        assert 60 <= first.timeout <= 80
        assert first.timeout != second.timeout


async def test_bookmark_moves_the_place_to_take_up(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        server.bookmark(500)
        await asyncio.sleep(100)

        assert server.watches[-1].resource_version == "500"


async def test_event_without_a_version_keeps_the_place(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        nameless = make_item("odd", "")
        server.inject(event_of(EventType.ADDED, nameless))
        await asyncio.sleep(100)

        assert store.get(nameless.key) == nameless
        assert server.watches[-1].resource_version == "10"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Transient("reset by peer"), id="transient"),
        pytest.param(Throttled("busy", retry_after=2), id="throttled"),
        pytest.param(Denied("forbidden"), id="denied"),
        pytest.param(Invalid("no such parameter"), id="invalid"),
        pytest.param(OutcomeUnknown("lost"), id="unknown"),
    ],
)
async def test_watch_that_fails_is_taken_up_without_a_list(
    server: FakeListWatch,
    store: Store[Envelope],
    reflector: Reflector[Envelope],
    fault: OperationFailed,
) -> None:
    server.watch_faults.append(fault)

    async with running(reflector):
        await asyncio.sleep(SOON)
        server.put("a")
        server.inject(fault)
        await asyncio.sleep(SOON)
        server.put("b")
        await asyncio.sleep(1)

        assert agree(store, server)
        assert len(server.lists) == 1
        assert [watch.resource_version for watch in server.watches] == [
            "10",
            "10",
            "11",
        ]


async def test_version_that_is_gone_leads_to_a_list_that_is_not_older(
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
        assert [page.resource_version for page in server.lists] == ["", "12"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Gone("expired"), id="gone"),
        pytest.param(Transient("reset by peer"), id="transient"),
    ],
)
async def test_list_that_fails_at_its_version_asks_for_the_newest_next(
    server: FakeListWatch,
    store: Store[Envelope],
    reflector: Reflector[Envelope],
    fault: OperationFailed,
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        server.list_faults.append(fault)
        server.inject(Gone("compacted"))
        await asyncio.sleep(2 * SOON)

        assert [page.resource_version for page in server.lists] == ["", "10", ""]
        assert agree(store, server)


async def test_list_of_a_server_that_catches_up_is_waited_for(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.put("a")

    async with running(reflector):
        await asyncio.sleep(1)
        server.list_faults.append(VersionTooLarge("behind", retry_after=3))
        server.inject(Gone("compacted"))
        await asyncio.sleep(2 * SOON)

        assert [page.resource_version for page in server.lists] == ["", "11", "11"]
        assert server.lists[2].at - server.lists[1].at >= 3
        assert agree(store, server)


async def test_watch_of_a_server_that_catches_up_is_taken_up_without_a_list(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        for _ in range(3):
            server.watch_faults.append(VersionTooLarge("behind", retry_after=1))
            server.inject(Transient("reset by peer"))
            await asyncio.sleep(50)
        server.put("a")
        await asyncio.sleep(1)

        assert agree(store, server)
        assert len(server.lists) == 1


async def test_server_that_never_catches_up_is_asked_for_the_newest(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.version = 900
    server.put("lost with the backup")

    async with running(reflector):
        await asyncio.sleep(1)
        server.restore(300, make_item("a", 300))
        server.watch_faults.extend(
            VersionTooLarge("behind", retry_after=1) for _ in range(2)
        )
        server.inject(Transient("reset by peer"))
        await asyncio.sleep(6 * SOON)

        assert agree(store, server)
        assert [page.resource_version for page in server.lists] == ["", "", ""]
        assert server.watches[-1].resource_version == "300"


async def test_expired_continue_token_starts_the_list_anew(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.page_size = 1
    server.page_takes = 1
    for name in "abc":
        server.put(name)

    async with running(reflector):
        await asyncio.sleep(1.5)
        server.put("d")
        server.compact()
        await asyncio.sleep(1)
        assert not store.has_synced, "half a list must not be believed"
        await asyncio.sleep(2 * SOON)

        assert agree(store, server)


async def test_change_between_the_pages_of_a_list_is_not_lost(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.page_size = 1
    server.page_takes = 1
    server.put("a")
    server.put("b")

    async with running(reflector):
        await asyncio.sleep(1.5)
        server.delete("a")
        await asyncio.sleep(2)

        assert agree(store, server)


async def test_silent_watch_is_dead_ten_seconds_after_its_time(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.watch_is_silent = True

    async with running(reflector):
        await asyncio.sleep(1)
        server.put("a")
        server.watch_is_silent = False
        await asyncio.sleep(95)

        assert agree(store, server)
        first, second = server.watches
        assert second.at - first.at >= first.timeout + 10
        assert second.at - first.at <= first.timeout + 10 + 1.6
        assert len(server.lists) == 1


async def test_list_of_a_server_that_lags_behind_is_refused(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.put("a")

    async with running(reflector):
        await asyncio.sleep(1)
        server.stale_list = Page((), "5")
        server.inject(Gone("compacted"))
        await asyncio.sleep(4)
        server.stale_list = None
        assert agree(store, server), "nothing was deleted"
        await asyncio.sleep(2 * SOON)

        assert agree(store, server)
        assert [page.resource_version for page in server.lists] == ["", "11", "", ""]


async def test_server_whose_history_began_anew_is_believed_the_second_time(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.version = 900
    server.put("a")
    server.put("lost with the backup")

    async with running(reflector):
        await asyncio.sleep(1)
        server.restore(300, make_item("a", 300))
        server.inject(Gone("compacted"))
        await asyncio.sleep(4 * SOON)

        assert agree(store, server)
        assert server.watches[-1].resource_version == "300"


@pytest.mark.parametrize("told", [EventType.MODIFIED, EventType.BOOKMARK])
async def test_watch_that_goes_back_in_time_leads_to_a_list(
    server: FakeListWatch,
    store: Store[Envelope],
    reflector: Reflector[Envelope],
    told: EventType,
) -> None:
    first = server.put("a")
    server.delete("a")

    async with running(reflector):
        await asyncio.sleep(1)
        item = None if told is EventType.BOOKMARK else first
        server.inject(WatchEvent(told, first.resource_version, item))
        await asyncio.sleep(SOON)

        assert len(server.lists) == 2
        assert agree(store, server), "what is long gone must not come back"


async def test_event_told_twice_is_no_fault(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        item = server.put("a")
        await asyncio.sleep(1)
        server.inject(event_of(EventType.ADDED, item))
        await asyncio.sleep(1)

        assert agree(store, server)
        assert (len(server.lists), len(server.watches)) == (1, 1)


async def test_fault_that_is_ours_is_not_swallowed(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    def broken(_old: Envelope | None, _new: Envelope | None) -> None:
        raise ZeroDivisionError

    store.add_handler(broken)
    server.put("a")

    with pytest.raises(ZeroDivisionError):
        await reflector.run()
