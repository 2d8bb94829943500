"""Since when there has been news of a key, and so how new the world of its turn is."""

from __future__ import annotations

import asyncio

import pytest

from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.workqueue import CLOCK_TOLERANCE, WorkQueue


async def woken_at(queue: WorkQueue[str]) -> float:
    async with queue.take() as turn:
        return turn.woken_at


@pytest.mark.looptime
async def test_key_is_as_new_as_its_latest_change(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await asyncio.sleep(2)
    queue.add("a")
    queue.add("a", Lane.DUE)
    await asyncio.sleep(3)

    assert await woken_at(queue) == 2


@pytest.mark.looptime
async def test_parked_key_that_is_resumed_is_as_new_as_it_was(
    queue: WorkQueue[str],
) -> None:
    await asyncio.sleep(2)
    queue.add("a")
    async with queue.take() as turn:
        await asyncio.sleep(3)
        queue.park(turn)
    await asyncio.sleep(4)
    queue.resume("a")

    assert await woken_at(queue) == 2


@pytest.mark.looptime
async def test_change_of_a_parked_key_is_news(queue: WorkQueue[str]) -> None:
    queue.add("a")
    async with queue.take() as turn:
        queue.park(turn)
    await asyncio.sleep(4)
    queue.add("a")
    queue.resume("a")

    assert await woken_at(queue) == 4


@pytest.mark.looptime
async def test_what_is_due_together_is_as_new_though_its_timers_are_not(
    queue: WorkQueue[str],
) -> None:
    await asyncio.sleep(10)
    queue.add("first", Lane.DUE)
    await asyncio.sleep(CLOCK_TOLERANCE)
    queue.add("last", Lane.DUE)

    async with queue.take():
        assert await woken_at(queue) == 10


@pytest.mark.looptime
async def test_failed_key_is_as_new_as_its_failure(queue: WorkQueue[str]) -> None:
    await asyncio.sleep(3)
    queue.add_failed("a")

    assert await woken_at(queue) == 3, "that its rest is over is no news"


@pytest.mark.looptime
@pytest.mark.parametrize("lane", Lane)
async def test_turn_that_follows_another_is_as_new_as_its_end(
    queue: WorkQueue[str], lane: Lane
) -> None:
    queue.add("a")
    async with queue.take():
        await asyncio.sleep(1)
        queue.add("a", lane)
        await asyncio.sleep(4)
    await asyncio.sleep(2)

    assert await woken_at(queue) == 5
