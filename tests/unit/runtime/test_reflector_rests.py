"""How often a reflector asks its server, and when it was last in contact."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tests.fakes.listwatch import (
    FakeListWatch,
)
from tests.unit.runtime.following import SOON, running
from tests.unit.runtime.virtual import VirtualClock
from vso_controller.foundation.errors import (
    Gone,
    Throttled,
    Transient,
)
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.reflector import Reflector
from vso_controller.runtime.store import Store

pytestmark = pytest.mark.looptime


async def test_throttled_watch_rests_as_long_as_the_server_asked(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    server.watch_faults.append(Throttled("busy", retry_after=45))

    async with running(reflector):
        await asyncio.sleep(50)

        first, second = server.watches
        assert second.at - first.at == pytest.approx(45, abs=0.01)
        assert len(server.lists) == 1


async def test_throttled_list_is_asked_for_again_as_it_was(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        server.list_faults.append(Throttled("busy", retry_after=45))
        server.inject(Gone("compacted"))
        await asyncio.sleep(60)

        assert [page.resource_version for page in server.lists] == ["", "10", "10"]
        assert server.lists[2].at - server.lists[1].at == pytest.approx(45, abs=0.01)


async def test_page_that_never_comes_is_asked_for_again(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.list_hangs = True

    async with running(reflector):
        await asyncio.sleep(59)
        assert len(server.lists) == 1
        server.list_hangs = False
        await asyncio.sleep(SOON)

        assert store.has_synced


async def test_server_that_ends_watches_at_once_is_not_stormed(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    server.watch_ends_at_once = True

    async with running(reflector):
        await asyncio.sleep(300)

        assert len(server.watches) < 25
        assert len(server.lists) == 1


async def test_server_that_is_down_is_asked_less_and_less_often(
    server: FakeListWatch, store: Store[Envelope], reflector: Reflector[Envelope]
) -> None:
    server.list_faults.extend(Transient("refused") for _ in range(1000))

    async with running(reflector):
        await asyncio.sleep(300)
        times = [page.at for page in server.lists]
        rests = [later - earlier for earlier, later in pairwise(times)]
        assert 0.8 <= rests[0] <= 1.6
        assert max(rests) <= 30.001
        assert len(times) < 25
        server.list_faults.clear()
        await asyncio.sleep(31)

        assert store.has_synced


async def test_backoff_forgets_failures_of_long_ago(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    server.list_faults.extend(Transient("refused") for _ in range(6))

    async with running(reflector):
        await asyncio.sleep(600)
        failed_at = asyncio.get_running_loop().time()
        server.inject(Transient("reset by peer"))
        await asyncio.sleep(SOON)

        assert server.watches[-1].at - failed_at <= 1.6


async def test_kind_that_is_not_served_yet_is_found_later(
    server: FakeListWatch, reflector: Reflector[Envelope]
) -> None:
    server.list_faults.extend(Gone("the server has no such kind") for _ in range(5))

    async with running(reflector):
        await asyncio.sleep(10)
        assert not reflector.has_synced
        await asyncio.sleep(50)

        assert reflector.has_synced


async def test_contact_is_never_long_ago_while_an_idle_server_is_there(
    reflector: Reflector[Envelope], clock: VirtualClock
) -> None:
    assert reflector.last_contact is None

    async with running(reflector):
        for _ in range(60):
            await asyncio.sleep(10)
            assert reflector.last_contact is not None
            assert clock.monotonic() - reflector.last_contact <= 90


async def test_contact_ages_while_the_server_is_away(
    server: FakeListWatch, reflector: Reflector[Envelope], clock: VirtualClock
) -> None:
    async with running(reflector):
        await asyncio.sleep(1)
        server.watch_faults.extend(Transient("refused") for _ in range(1000))
        server.inject(Transient("reset by peer"))
        await asyncio.sleep(300)

        assert reflector.last_contact is not None
        assert clock.monotonic() - reflector.last_contact >= 299
