"""A reflector under random changes and random faults, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.listwatch import FakeListWatch, WatchRequest, key_of
from tests.unit.runtime.following import agree, make_reflector, running
from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.foundation.errors import Gone, Throttled, Transient
from vso_controller.foundation.listwatch import VersionTooLarge
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.store import Store

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize("streams", [False, True], ids=["pages", "streams"])
@pytest.mark.parametrize("seed", range(25))
async def test_store_converges_after_any_series_of_faults(
    clock: VirtualClock, seed: int, streams: bool
) -> None:
    random = seeded(seed)
    server = FakeListWatch(page_size=3, offers_initial_events=streams)
    store: Store[Envelope] = Store()
    reflector = make_reflector(server, store, clock, random=random)

    def disturb() -> None:
        fault = random.choice(
            [
                Transient("reset"),
                Gone("gone"),
                Throttled("busy", retry_after=3),
                VersionTooLarge("behind", retry_after=1),
            ]
        )
        random.choice(
            [
                lambda: server.watch_faults.append(fault),
                lambda: server.list_faults.append(fault),
                lambda: server.stream_faults.append(fault),
                lambda: server.inject(fault),
                server.compact,
                server.bookmark,
            ]
        )()

    async with running(reflector):
        for _ in range(120):
            name = random.choice("abcdefgh")
            if random.random() < 0.3 and key_of(name) in server.objects:
                server.delete(name)
            else:
                server.put(name)
            if random.random() < 0.2:
                disturb()
            server.watch_is_silent = random.random() < 0.2
            await asyncio.sleep(random.choice([0, 0, 0.01, 1, 20]))
        server.watch_is_silent = False
        server.list_faults.clear()
        server.watch_faults.clear()
        server.stream_faults.clear()
        await asyncio.sleep(200)

        assert agree(store, server)
        assert isinstance(server.requests[-1], WatchRequest)
