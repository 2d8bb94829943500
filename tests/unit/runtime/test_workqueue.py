"""The promises of the work queue, one by one."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from tests.unit.runtime.virtual import (
    FixedLimiter,
    QueueRecord,
    VirtualClock,
    flow_of,
)
from vso_controller.runtime.lanes import TURNS_PER_DUE, Lane
from vso_controller.runtime.ratelimit import BucketSettings, TokenBucket
from vso_controller.runtime.scheduler import LONGEST_TIMER
from vso_controller.runtime.workqueue import QueueClosed, WorkQueue


async def drain(queue: WorkQueue[str]) -> list[str]:
    """Take every key that is ready, then close the queue."""
    queue.close()
    taken: list[str] = []
    while queue:
        async with queue.take() as turn:
            taken.append(turn.key)
    return taken


async def test_keys_are_handed_out_in_the_order_they_came(
    queue: WorkQueue[str],
) -> None:
    for key in ("b", "a", "c"):
        queue.add(key)

    assert await drain(queue) == ["b", "a", "c"]


async def test_key_added_twice_is_handed_out_once(
    queue: WorkQueue[str], observer: QueueRecord
) -> None:
    queue.add("a")
    queue.add("a")

    assert await drain(queue) == ["a"]
    assert observer.adds == 1


async def test_key_added_while_held_comes_back_after_release(
    queue: WorkQueue[str], observer: QueueRecord
) -> None:
    queue.add("a")

    async with queue.take():
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0, "a held key must not reach a second worker"
    assert len(queue) == 1
    assert observer.adds == 2


async def test_key_comes_back_when_its_worker_fails(queue: WorkQueue[str]) -> None:
    async def fail() -> None:
        async with queue.take():
            queue.add("a")
            raise ZeroDivisionError

    queue.add("a")
    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await drain(queue) == ["a"]


@pytest.mark.looptime
async def test_failed_key_rests_before_its_next_turn(
    queue: WorkQueue[str], clock: VirtualClock, observer: QueueRecord
) -> None:
    queue.add_failed("a")

    async with queue.take():
        assert clock.monotonic() == 10
    assert observer.retries == 1


@pytest.mark.looptime
async def test_failed_key_rests_at_least_as_long_as_the_server_asked(
    queue: WorkQueue[str], clock: VirtualClock
) -> None:
    queue.add_failed("short", at_least=3)
    queue.add_failed("long", at_least=30)

    async with queue.take() as turn:
        assert (turn.key, clock.monotonic()) == ("short", 10)
    async with queue.take() as turn:
        assert (turn.key, clock.monotonic()) == ("long", 30)


async def test_success_clears_the_history_of_a_key(
    queue: WorkQueue[str], limiter: FixedLimiter
) -> None:
    queue.add_failed("a")
    assert limiter.failed == {"a"}

    queue.forget("a")

    assert limiter.failed == set()


@pytest.mark.looptime
async def test_undelayed_add_ends_a_rest(
    queue: WorkQueue[str], clock: VirtualClock
) -> None:
    queue.add_after("a", 10)
    queue.add("a")

    async with queue.take():
        assert clock.monotonic() == 0
    await asyncio.sleep(20)
    assert len(queue) == 0, "the rest must not end a second time"


@pytest.mark.looptime
@pytest.mark.parametrize("delays", [(5, 10), (10, 5)], ids=["later", "sooner"])
async def test_of_two_rests_the_shorter_counts(
    queue: WorkQueue[str], clock: VirtualClock, delays: tuple[float, float]
) -> None:
    for delay in delays:
        queue.add_after("a", delay)

    async with queue.take():
        assert clock.monotonic() == 5
    await asyncio.sleep(20)
    assert len(queue) == 0


async def test_rest_without_length_is_none(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 0)

    assert len(queue) == 1


@pytest.mark.looptime
async def test_key_that_is_ready_takes_no_rest(queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.add_after("a", 5)

    async with queue.take():
        pass
    await asyncio.sleep(10)
    assert len(queue) == 0


@pytest.mark.looptime
async def test_rest_that_ends_while_the_key_is_held_brings_it_back(
    queue: WorkQueue[str],
) -> None:
    queue.add("a")

    async with queue.take():
        queue.add_after("a", 5)
        await asyncio.sleep(10)
        queue.add_after("a", 5)
        assert len(queue) == 0
    assert len(queue) == 1
    await asyncio.sleep(10)
    assert await drain(queue) == ["a"]


async def test_cancelled_worker_loses_no_key(queue: WorkQueue[str]) -> None:
    async def work() -> None:
        async with queue.take():
            await asyncio.Event().wait()

    worker = asyncio.create_task(work())
    await asyncio.sleep(0)
    queue.add("a")
    worker.cancel()
    await asyncio.wait([worker])

    assert len(queue) == 1


@pytest.mark.parametrize("cancel_first", [True, False], ids=["before", "after"])
async def test_turn_of_a_cancelled_worker_goes_to_the_next(
    queue: WorkQueue[str], cancel_first: bool
) -> None:
    taken: list[str] = []

    async def work(name: str) -> None:
        async with queue.take():
            taken.append(name)

    workers = [asyncio.create_task(work(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    if cancel_first:
        workers[0].cancel()
        queue.add("a")
    else:
        queue.add("a")
        workers[0].cancel()
    await asyncio.wait(workers)

    assert taken == ["second"]


async def test_each_added_key_wakes_one_worker(queue: WorkQueue[str]) -> None:
    taken: list[str] = []

    async def work() -> None:
        async with queue.take() as turn:
            taken.append(turn.key)
            await asyncio.Event().wait()

    workers = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    await asyncio.sleep(0)

    assert taken == ["a", "b"]
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)


async def test_closed_queue_hands_out_what_is_ready_and_takes_nothing_in(
    queue: WorkQueue[str],
) -> None:
    queue.add("ready")
    queue.close()
    queue.add("late")
    queue.add_after("later", 1)

    assert await drain(queue) == ["ready"]
    with pytest.raises(QueueClosed):
        async with queue.take():
            pass


@pytest.mark.looptime
async def test_close_ends_rests_and_wakes_every_waiting_worker(
    queue: WorkQueue[str],
) -> None:
    async def work() -> None:
        with pytest.raises(QueueClosed):
            async with queue.take():
                pass

    queue.add_after("resting", 5)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(work())
        await asyncio.sleep(1)
        queue.close()
    await asyncio.sleep(10)

    assert len(queue) == 0


@pytest.mark.looptime
async def test_closed_queue_leaves_nothing_behind_on_the_loop(
    limiter: FixedLimiter, observer: QueueRecord, clock: VirtualClock
) -> None:
    bucket = TokenBucket(settings=BucketSettings(rate=1, burst=1), clock=clock)
    queue: WorkQueue[str] = WorkQueue(
        limiter=limiter, bucket=bucket, flow=flow_of, observer=observer, clock=clock
    )
    for key in ("a", "b", "c"):
        queue.add_failed(key)
    await asyncio.sleep(10.5)  # one is ready, the others wait for a token
    queue.add_failed("resting")
    queue.add_after("delayed", 10)
    alive = weakref.ref(queue)

    queue.close()
    del queue
    gc.collect()

    assert alive() is None


@pytest.mark.looptime
async def test_observer_sees_depth_wait_and_work(
    queue: WorkQueue[str], observer: QueueRecord
) -> None:
    queue.add("a")
    queue.add("b")
    await asyncio.sleep(2)
    async with queue.take():
        await asyncio.sleep(3)
        queue.add("a")
        await asyncio.sleep(4)
    async with queue.take(), queue.take():
        pass

    assert observer.adds == 3
    assert observer.depths == [1, 2, 1, 2, 1, 0], "a turn owed counts, held or not"
    assert observer.waits == [2, 9, 4], "a key waits from when it was added"
    assert observer.works == [7, 0, 0]


@pytest.mark.looptime
async def test_queue_tells_how_long_keys_wait_and_are_held(
    queue: WorkQueue[str],
) -> None:
    assert queue.longest_wait == queue.longest_running == queue.unfinished_work == 0
    for key in ("a", "b", "c"):
        queue.add(key)

    async with queue.take():
        await asyncio.sleep(2)
        async with queue.take():
            await asyncio.sleep(3)
            assert queue.longest_running == 5
            assert queue.unfinished_work == 5 + 3
            assert queue.longest_wait == 5


@pytest.mark.looptime
async def test_queue_is_stalled_while_nobody_takes_what_is_ready(
    queue: WorkQueue[str],
) -> None:
    assert queue.stalled_for == 0
    for key in ("a", "b", "c"):
        queue.add(key)
    await asyncio.sleep(2)
    assert queue.stalled_for == 2

    for _ in range(2):
        async with queue.take():
            assert queue.stalled_for == 0, "the last wait long, but not in vain"
            await asyncio.sleep(3)
            assert queue.stalled_for == 3
    async with queue.take():
        await asyncio.sleep(3)

        assert queue.stalled_for == 0, "nobody waits"


@pytest.mark.looptime
async def test_key_waits_for_a_worker_from_its_release(queue: WorkQueue[str]) -> None:
    queue.add("a")
    async with queue.take():
        queue.add("a")
        await asyncio.sleep(5)
        assert queue.longest_wait == 0, "no worker could take it"
        assert queue.depth == 1
    await asyncio.sleep(1)

    assert queue.longest_wait == 1
    assert queue.depth == 1


async def test_changed_key_goes_before_due_ones(queue: WorkQueue[str]) -> None:
    queue.add("due", Lane.DUE)
    queue.add("changed")

    assert await drain(queue) == ["changed", "due"]


async def test_due_key_that_changes_moves_up_once(
    queue: WorkQueue[str], observer: QueueRecord
) -> None:
    for key in ("a", "b", "c"):
        queue.add(key, Lane.DUE)
    queue.add("c")
    queue.add("c", Lane.DUE)

    assert await drain(queue) == ["c", "a", "b"]
    assert observer.adds == 3


@pytest.mark.parametrize(
    "lanes",
    [(Lane.CHANGED, Lane.DUE), (Lane.DUE, Lane.CHANGED)],
    ids=["due later", "changed later"],
)
async def test_key_changed_while_held_comes_back_before_due_ones(
    queue: WorkQueue[str], lanes: tuple[Lane, Lane]
) -> None:
    queue.add("held")
    queue.add("due", Lane.DUE)

    async with queue.take():
        for lane in lanes:
            queue.add("held", lane)

    assert await drain(queue) == ["held", "due"]


@pytest.mark.looptime
@pytest.mark.parametrize("retry", [True, False], ids=["failed", "delayed"])
async def test_key_that_has_rested_is_due(queue: WorkQueue[str], retry: bool) -> None:
    if retry:
        queue.add_failed("rested")
    else:
        queue.add_after("rested", 10)
    await asyncio.sleep(10)
    queue.add("changed")

    assert await drain(queue) == ["changed", "rested"]


@pytest.mark.looptime
async def test_retries_of_all_keys_pass_one_bucket(
    limiter: FixedLimiter, observer: QueueRecord, clock: VirtualClock
) -> None:
    bucket = TokenBucket(settings=BucketSettings(rate=10, burst=100), clock=clock)
    queue: WorkQueue[str] = WorkQueue(
        limiter=limiter, bucket=bucket, flow=flow_of, observer=observer, clock=clock
    )
    for number in range(1000):
        queue.add_failed(f"big/{number}")
    queue.add_failed("small/1")

    await asyncio.sleep(10)
    assert len(queue) == 100
    await asyncio.sleep(10.05)

    assert len(queue) == 200
    assert "small/1" in await drain(queue)


@pytest.mark.looptime
async def test_changed_key_does_not_wait_for_its_retry(
    queue: WorkQueue[str], clock: VirtualClock
) -> None:
    queue.add_failed("a")
    queue.add("a")

    async with queue.take():
        assert clock.monotonic() == 0
    await asyncio.sleep(20)
    assert len(queue) == 0, "and it is not retried on top"


@pytest.mark.looptime
@pytest.mark.parametrize("retry", [True, False], ids=["failed", "delayed"])
async def test_rest_goes_on_through_a_suspend(
    queue: WorkQueue[str], clock: VirtualClock, retry: bool
) -> None:
    if retry:
        queue.add_failed("a", at_least=3600)
    else:
        queue.add_after("a", 3600)

    clock.suspended += 3600

    async with queue.take():
        assert clock.monotonic() <= LONGEST_TIMER


async def test_tenant_with_many_keys_is_passed_by_one_with_few(
    queue: WorkQueue[str],
) -> None:
    for number in range(10_000):
        queue.add(f"big/{number}")
    queue.add("small/1")
    queue.add("small/2")

    turns = await drain(queue)

    assert turns.index("small/1") == 1
    assert turns.index("small/2") == 3
    assert len(turns) == 10_002


async def test_turn_of_a_due_key_is_fair_too(queue: WorkQueue[str]) -> None:
    for number in range(1000):
        queue.add(f"busy/{number}")
        queue.add(f"big/{number}", Lane.DUE)
    queue.add("small/1", Lane.DUE)

    turns = await drain(queue)

    assert turns.index("small/1") == 2 * TURNS_PER_DUE - 1
