"""What queue and scheduler cost when there is a lot in them.

Times are compared with times of the same run, so a slow machine fails nothing.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterator
from operator import attrgetter

import pytest

from tests.unit.runtime.virtual import (
    FixedLimiter,
    Plenty,
    QueueRecord,
    VirtualClock,
    seeded,
)
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.controller import Slot
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.scheduler import Scheduler
from vso_controller.runtime.workqueue import WorkQueue

# A tracer's cost is not the code's.
pytestmark = pytest.mark.no_cover


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Keep the garbage collector, whose cost is everybody's, out of the figures."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def cheapest(work: Callable[[], None], *, rounds: int = 2) -> float:
    """Return the least CPU seconds that `work` took in some rounds."""
    costs = []
    for _ in range(rounds):
        start = time.thread_time()
        work()
        costs.append(time.thread_time() - start)
    return min(costs)


def keys_of(flows: int, each: int) -> list[ObjectKey]:
    return [
        ObjectKey(f"tenant-{flow}", f"resource-{number}")
        for number, flow in itertools.product(range(each), range(flows))
    ]


def pass_through(keys: list[ObjectKey]) -> None:
    """Add keys to a queue, move half of them up, and take them all."""

    async def work() -> None:
        queue = make_queue()
        for key in keys:
            queue.add(key, Lane.DUE)
        for key in keys[::2]:
            queue.add(key)
        while queue:
            async with queue.take():
                pass

    asyncio.run(work())


def make_queue() -> WorkQueue[ObjectKey]:
    return WorkQueue(
        limiter=FixedLimiter(rest=1),
        bucket=Plenty(),
        flow=attrgetter("namespace"),
        observer=QueueRecord(),
        clock=VirtualClock(),
    )


@pytest.mark.usefixtures("no_collector")
def test_queue_of_many_keys_and_flows_costs_no_more_for_each_key() -> None:
    few, many = keys_of(flows=10, each=100), keys_of(flows=1000, each=100)

    small = cheapest(lambda: pass_through(few), rounds=5) / len(few)
    large = cheapest(lambda: pass_through(many), rounds=1) / len(many)

    assert large < 3 * small


def plan(slots: list[Slot]) -> None:
    """Plan all slots in no order of time, then hand them all out."""
    random = seeded(7)

    async def work() -> None:
        clock = VirtualClock()
        scheduler: Scheduler[Slot] = Scheduler(wake=lambda _: None, clock=clock)
        for slot in slots:
            scheduler.schedule(slot, clock.boot() + random.uniform(1, 3600))
        clock.suspended += 3700
        scheduler._fire()
        assert len(scheduler) == 0

    asyncio.run(work())


def slots_of(number: int) -> list[Slot]:
    return [("kind", key) for key in keys_of(flows=1, each=number)]


def plan_with_a_bare_heap(slots: list[Slot]) -> None:
    """Do with a heap and a dictionary what cannot be done with less."""
    random = seeded(7)
    heap: list[tuple[float, int, Slot]] = []
    entries: dict[Slot, tuple[float, int, Slot]] = {}
    for number, slot in enumerate(slots):
        entries[slot] = entry = (random.uniform(1, 3600), number, slot)
        heapq.heappush(heap, entry)
    while heap:
        del entries[heapq.heappop(heap)[2]]


@pytest.mark.usefixtures("no_collector")
def test_scheduler_costs_not_much_more_than_its_heap() -> None:
    slots = slots_of(50_000)

    bare = cheapest(lambda: plan_with_a_bare_heap(slots))
    whole = cheapest(lambda: plan(slots))

    assert whole < 2 * 2 * bare, "it is twice as much at most, and CI is a rough place"


class Counted(float):
    """A due time that counts how often it is compared with another."""

    comparisons = 0

    def __lt__(self, other: float) -> bool:
        Counted.comparisons += 1
        return float(self) < other


def comparisons_for_each_of(number: int) -> float:
    """Plan so many entries, replace half of them, hand all out; return the mean."""
    random = seeded(7)
    Counted.comparisons = 0

    async def work() -> None:
        clock = VirtualClock()
        scheduler: Scheduler[int] = Scheduler(wake=lambda _: None, clock=clock)
        for key in (*range(number), *range(0, number, 2)):
            scheduler.schedule(key, Counted(random.uniform(1, 3600)))
        clock.suspended += 3600
        scheduler._fire()
        assert len(scheduler) == 0

    asyncio.run(work())
    return Counted.comparisons / number


def test_scheduler_of_many_entries_compares_little_more_for_each() -> None:
    small = comparisons_for_each_of(1000)
    large = comparisons_for_each_of(50_000)

    assert large < 2 * small


@pytest.mark.parametrize("replaced", [0, 24_000], ids=["planned once", "planned anew"])
async def test_entry_of_the_scheduler_takes_few_bytes(replaced: int) -> None:
    keys = keys_of(flows=1, each=50_000)
    scheduler: Scheduler[ObjectKey] = Scheduler(
        wake=lambda _: None, clock=SystemClock()
    )
    start = SystemClock().boot() + 3600

    tracemalloc.start()
    for place, key in enumerate((*keys, *keys[len(keys) - replaced :])):
        scheduler.schedule(key, start + place / 7)
    assert len(scheduler._heap) == len(keys) + replaced, "what is stale is still there"
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    scheduler.close()

    assert size / len(keys) <= 250
