from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import generate_latest

from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.app.engine import Engine
from vso_controller.foundation.errors import Transient
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Outcome
from vso_controller.runtime.readiness import QueueSeen
from vso_controller.settings.model import Settings

pytestmark = pytest.mark.looptime

A, B, C = (ObjectKey("apps", name) for name in "abc")


class Diary:
    """A reconciler that notes when it was called for what."""

    def __init__(self, *, again: float | None = None, failures: int = 0) -> None:
        self.entries: list[tuple[float, ObjectKey]] = []
        self._again = again
        self._failures = failures

    async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
        now = asyncio.get_running_loop().time()
        self.entries.append((round(now, 3), key))
        if self._failures:
            self._failures -= 1
            raise Transient("try again")
        return Outcome(self._again)


class Slow:
    """A reconciler that takes its time."""

    async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
        await asyncio.sleep(8)
        return Outcome()


SETTINGS = Settings(
    backoff_initial_interval=timedelta(seconds=4),
    backoff_randomization_factor=0,
    shutdown_timeout=timedelta(seconds=10),
)


def engine_with(
    metrics: Metrics | None = None, *, settings: Settings = SETTINGS
) -> Engine:
    return Engine(
        settings=settings,
        metrics=metrics or Metrics(version="test"),
        clock=VirtualClock(),
        random=seeded(1),
    )


async def run_for(engine: Engine, seconds: float) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.run(stop))
        await asyncio.sleep(seconds)
        stop.set()


async def test_what_is_due_comes_back_to_the_controller_it_belongs_to() -> None:
    engine = engine_with()
    often, rarely = Diary(again=10), Diary(again=100)
    engine.add("often", often, lambda: [A])
    engine.add("rarely", rarely, lambda: [A])

    await run_for(engine, 25)

    assert often.entries == [(0, A), (10, A), (20, A)]
    assert rarely.entries == [(0, A)]


async def test_key_is_enqueued_by_the_name_of_its_controller() -> None:
    engine = engine_with()
    mine, theirs = Diary(), Diary()
    engine.add("mine", mine, list)
    engine.add("theirs", theirs, list)

    async with asyncio.TaskGroup() as group:
        run = group.create_task(run_for(engine, 10))
        await asyncio.sleep(5)
        engine.enqueue("mine", B)
        await run

    assert mine.entries == [(5, B)]
    assert theirs.entries == []


async def test_failure_rests_as_long_as_the_settings_say() -> None:
    metrics = Metrics(version="test")
    engine = engine_with(metrics)
    diary = Diary(failures=3)
    engine.add("vaultauth", diary, lambda: [A])

    await run_for(engine, 60)

    assert diary.entries == [(0, A), (4, A), (10, A), (19, A)]
    told = generate_latest(metrics.registry).decode()
    assert 'workqueue_retries_total{name="vaultauth"} 3.0' in told
    assert 'result="error"} 3.0' in told


async def test_second_run_begins_anew() -> None:
    engine = engine_with()
    diary = Diary(again=100)
    engine.add("vaultauth", diary, lambda: [A])
    await run_for(engine, 10)

    await asyncio.sleep(1000)
    assert len(diary.entries) == 1, "nothing is due while nobody leads"
    await run_for(engine, 10)

    assert [at for at, _ in diary.entries] == [0, 1010]


async def test_work_that_does_not_end_is_given_up_after_half_of_the_time() -> None:
    class Stuck:
        async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
            await asyncio.Event().wait()
            raise AssertionError(key)

    engine = engine_with()
    engine.add("stuck", Stuck(), lambda: [A])
    began = asyncio.get_running_loop().time()

    await run_for(engine, 1)

    assert asyncio.get_running_loop().time() - began == pytest.approx(6)


async def test_retries_come_back_at_the_rate_of_the_settings() -> None:
    settings = Settings(
        backoff_initial_interval=timedelta(seconds=4),
        backoff_randomization_factor=0,
        retry_rate=0.5,
        retry_burst=1,
    )
    engine = engine_with(settings=settings)
    diary = Diary(failures=3)
    engine.add("vaultauth", diary, lambda: [A, B, C])

    await run_for(engine, 30)

    assert [at for at, _ in diary.entries] == [0, 0, 0, 4, 6, 8]


async def test_queues_are_seen_and_told_while_they_are_worked_off() -> None:
    metrics = Metrics(version="test")
    engine = engine_with(metrics)
    engine.add("slow", Slow(), lambda: [A])
    engine.add("idle", Diary(), list)
    assert list(engine.queues()) == []

    async with asyncio.TaskGroup() as group:
        run = group.create_task(run_for(engine, 10))
        await asyncio.sleep(7)
        seen = list(engine.queues())
        told = generate_latest(metrics.registry).decode()
        await run

    assert seen == [QueueSeen("slow", 0, 7), QueueSeen("idle", 0, 0)]
    assert 'workqueue_longest_running_processor_seconds{name="slow"} 7.0' in told
    assert 'workqueue_unfinished_work_seconds{name="idle"} 0.0' in told
    assert list(engine.queues()) == []
