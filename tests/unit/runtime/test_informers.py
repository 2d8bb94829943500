from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from vso_controller.foundation.objects import ObjectKey, ObjectVersion
from vso_controller.runtime.informers import Informers
from vso_controller.runtime.store import Store

pytestmark = pytest.mark.looptime

ITEM = ObjectVersion(ObjectKey("apps", "one"), "uid", "1")


class FakeFeed:
    """Fills its store at once and then lives until it is cancelled."""

    def __init__(self, scope: str, store: Store[ObjectVersion]) -> None:
        self.scope = scope
        self.store = store
        self.running = False

    async def run(self) -> None:
        self.running = True
        self.store.replace([ITEM], "1")
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False


class Site:
    """Informers, the feeds they made, and what their handler was told."""

    def __init__(self) -> None:
        self.feeds: list[FakeFeed] = []
        self.told: list[ObjectVersion | None] = []
        self.informers = Informers(
            make_feed=self._make, handler=lambda _, new: self.told.append(new)
        )

    def _make(self, scope: str, store: Store[ObjectVersion]) -> FakeFeed:
        self.feeds.append(FakeFeed(scope, store))
        return self.feeds[-1]


@asynccontextmanager
async def running(informers: Informers[ObjectVersion]) -> AsyncIterator[None]:
    task = asyncio.create_task(informers.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_store_is_fed_from_the_first_who_asks() -> None:
    site = Site()
    async with running(site.informers):
        store = site.informers.store("apps", user="a")
        assert not store.has_synced

        await store.wait_synced()

        assert store.get(ITEM.key) == ITEM
        assert site.told == [ITEM]


async def test_all_who_ask_for_a_scope_share_its_feed() -> None:
    site = Site()
    async with running(site.informers):
        first = site.informers.store("apps", user="a")
        second = site.informers.store("apps", user="b")
        site.informers.store("other", user="a")

    assert first is second
    assert [feed.scope for feed in site.feeds] == ["apps", "other"]


async def test_feed_ends_with_its_last_user() -> None:
    site = Site()
    async with running(site.informers):
        site.informers.store("apps", user="a")
        site.informers.store("apps", user="b")
        await asyncio.sleep(0)

        site.informers.release("apps", user="a")
        await asyncio.sleep(0)
        assert site.feeds[0].running
        site.informers.release("apps", user="b")
        await asyncio.sleep(0)

        assert not site.feeds[0].running
        assert len(site.informers) == 0


async def test_scope_that_is_asked_for_again_is_fed_anew() -> None:
    site = Site()
    async with running(site.informers):
        site.informers.store("apps", user="a")
        site.informers.release("apps", user="a")

        store = site.informers.store("apps", user="a")
        await store.wait_synced()

        assert len(site.feeds) == 2


async def test_store_asked_for_before_the_run_is_fed_when_it_begins() -> None:
    site = Site()
    store = site.informers.store("apps", user="a")
    assert site.feeds == []

    async with running(site.informers):
        await store.wait_synced()

    assert not site.feeds[0].running, "the end of the run ends every feed"


async def test_letting_go_of_what_was_never_held_is_no_error() -> None:
    site = Site()
    site.informers.release("apps", user="a")
    site.informers.store("apps", user="a")

    site.informers.release("apps", user="stranger")
    assert len(site.informers) == 1
    site.informers.release("apps", user="a")

    assert len(site.informers) == 0


async def test_all_are_let_go_of_at_once() -> None:
    site = Site()
    async with running(site.informers):
        site.informers.store("apps", user="a")
        site.informers.store("other", user="b")
        await asyncio.sleep(0)

        site.informers.clear()
        await asyncio.sleep(0)

        assert len(site.informers) == 0
        assert not any(feed.running for feed in site.feeds)
