"""Workers, their errors, and what each reconcile says about the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import attrgetter

import pytest
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from tests.fakes.listwatch import key_of
from tests.unit.runtime.virtual import (
    FixedLimiter,
    Plenty,
    QueueRecord,
    ReconcileRecord,
    VirtualClock,
    seeded,
)
from vso_controller.foundation.errors import Invalid, Parked, Throttled, Transient
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.controller import Controller, ReconcileResult, Slot
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.ports import Outcome
from vso_controller.runtime.scheduler import LONGEST_TIMER, Scheduler
from vso_controller.runtime.workqueue import WorkQueue

pytestmark = pytest.mark.looptime

A, B, C, D = (key_of(name) for name in "abcd")

Deed = Callable[[ObjectKey], Awaitable[Outcome]]


class ScriptedReconciler:
    """Records its turns and does what the test put down for each, else nothing."""

    def __init__(self) -> None:
        self.turns: list[tuple[float, ObjectKey]] = []
        self.script: list[Outcome | BaseException | Deed] = []
        self.contexts: list[dict[str, object]] = []

    async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
        self.turns.append((asyncio.get_running_loop().time(), key))
        self.contexts.append(get_contextvars())
        deed = self.script.pop(0) if self.script else Outcome()
        if isinstance(deed, BaseException):
            raise deed
        return deed if isinstance(deed, Outcome) else await deed(key)

    def times(self, key: ObjectKey) -> list[float]:
        return [round(at, 3) for at, turn in self.turns if turn == key]


@dataclass
class World:
    """One controller and what surrounds it."""

    controller: Controller
    reconciler: ScriptedReconciler
    scheduler: Scheduler[Slot]
    limiter: FixedLimiter
    record: ReconcileRecord
    keys: list[ObjectKey]
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the controller for the length of the block."""
        async with asyncio.TaskGroup() as group:
            run = group.create_task(self.controller.run(self.stop))
            await asyncio.sleep(0)
            yield run
            self.stop.set()


@pytest.fixture
def world(clock: VirtualClock) -> World:
    keys: list[ObjectKey] = []
    limiter = FixedLimiter(rest=10)
    reconciler = ScriptedReconciler()
    record = ReconcileRecord()
    scheduler: Scheduler[Slot] = Scheduler(
        wake=lambda slot: controller.enqueue(slot[1], Lane.DUE), clock=clock
    )
    controller = Controller(
        name="things",
        reconciler=reconciler,
        keys=lambda: keys,
        make_queue=lambda: WorkQueue(
            limiter=limiter,
            bucket=Plenty(),
            flow=attrgetter("namespace"),
            observer=QueueRecord(),
            clock=clock,
        ),
        scheduler=scheduler,
        observer=record,
        clock=clock,
        random=seeded(7),
        workers=2,
        drain_timeout=5,
    )
    return World(controller, reconciler, scheduler, limiter, record, keys)


async def forever(_: ObjectKey) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError


def taking(seconds: float) -> Deed:
    async def work(_: ObjectKey) -> Outcome:
        await asyncio.sleep(seconds)
        return Outcome()

    return work


async def test_run_begins_with_every_key_there_is(world: World) -> None:
    world.keys[:] = [A, B, C]

    async with world.running():
        await asyncio.sleep(1)

    assert [key for _, key in world.reconciler.turns] == [A, B, C]


async def test_enqueued_key_is_reconciled(world: World) -> None:
    world.controller.enqueue(B)  # before the run: nothing to do

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(1)
        assert world.controller.queue is not None

    assert [key for _, key in world.reconciler.turns] == [A]
    assert world.controller.queue is None


async def test_success_schedules_what_it_asked_for(world: World) -> None:
    world.reconciler.script = [Outcome(requeue_after=60), Outcome()]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(500)

    assert world.reconciler.times(A) == [0, 60]
    assert [result for _, result, _ in world.record.ended] == [
        ReconcileResult.REQUEUE_AFTER,
        ReconcileResult.SUCCESS,
    ]


async def test_latest_reconcile_alone_says_what_is_due_next(world: World) -> None:
    world.reconciler.script = [Outcome(requeue_after=60), Outcome(requeue_after=100)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(50)
        world.controller.enqueue(A)
        await asyncio.sleep(150)

    assert world.reconciler.times(A) == [0, 50, 150]


async def test_failure_rests_and_no_older_plan_shortens_the_rest(world: World) -> None:
    world.reconciler.script = [Outcome(requeue_after=6), Transient("down")]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(5)
        world.controller.enqueue(A)
        await asyncio.sleep(100)

    assert world.reconciler.times(A) == [0, 5, 15]


async def test_throttled_key_rests_as_long_as_the_server_asked(world: World) -> None:
    world.reconciler.script = [Throttled("busy", retry_after=42)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(100)

    assert world.reconciler.times(A) == [0, 42]


async def test_success_clears_the_history_of_failures(world: World) -> None:
    world.reconciler.script = [Invalid("no such thing")]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(1)
        assert world.limiter.failed == {A}
        await asyncio.sleep(100)

    assert world.limiter.failed == set()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ZeroDivisionError(), id="bug"),
        pytest.param(ExceptionGroup("several", [KeyError("x")]), id="group"),
        pytest.param(asyncio.CancelledError(), id="stray cancellation"),
    ],
)
async def test_row_60_crash_of_one_reconcile_hurts_nobody_else(
    world: World, error: BaseException
) -> None:
    world.reconciler.script = [error, error]

    async with world.running():
        world.controller.enqueue(A)
        world.controller.enqueue(B)
        await asyncio.sleep(1)
        world.controller.enqueue(C)
        await asyncio.sleep(20)

    assert world.reconciler.times(A) == world.reconciler.times(B) == [0, 10]
    assert world.reconciler.times(C) == [1]
    assert [result for _, result, _ in world.record.ended].count(
        ReconcileResult.ERROR
    ) == 2


async def test_crash_is_logged_without_its_words(world: World) -> None:
    world.reconciler.script = [KeyError("hunter2")]

    with capture_logs() as lines:
        async with world.running():
            world.controller.enqueue(A)
            await asyncio.sleep(1)

    (line,) = lines
    assert (line["event"], line["error_type"]) == ("reconcile_crashed", "KeyError")
    assert "in reconcile" in line["traceback"]
    assert "hunter2" not in str(line)


async def test_failure_is_logged_with_its_words(world: World) -> None:
    world.reconciler.script = [Transient("Vault at https://v is sealed")]

    with capture_logs() as lines:
        async with world.running():
            world.controller.enqueue(A)
            await asyncio.sleep(1)

    (line,) = lines
    assert (line["event"], line["log_level"]) == ("reconcile_failed", "warning")
    assert line["error"] == "Vault at https://v is sealed"


async def test_failure_that_goes_on_is_no_news(world: World) -> None:
    world.reconciler.script = [Transient("down"), Transient("down"), Outcome()]

    with capture_logs() as lines:
        async with world.running():
            world.controller.enqueue(A)
            await asyncio.sleep(25)

    assert world.reconciler.times(A) == [0, 10, 20]
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("reconcile_failed", "warning"),
        ("reconcile_failed", "debug"),
        ("reconcile_recovered", "info"),
    ]


async def test_new_leader_tells_anew_what_fails(world: World) -> None:
    world.keys[:] = [A]
    world.reconciler.script = [Transient("down"), Transient("down")]

    with capture_logs() as lines:
        for _ in range(2):
            async with world.running():
                await asyncio.sleep(1)
            world.stop.clear()

    assert [line["log_level"] for line in lines] == ["warning", "warning"]


async def test_change_goes_before_what_a_run_began_with(world: World) -> None:
    world.keys[:] = [A, B, C]
    world.reconciler.script = [taking(3), taking(3)]

    async with world.running():
        await asyncio.sleep(1)
        world.controller.enqueue(D)
        await asyncio.sleep(10)

    assert [key for _, key in world.reconciler.turns] == [A, B, D, C]


async def test_change_goes_before_what_is_due(world: World) -> None:
    world.reconciler.script = [Outcome(requeue_after=60), taking(100), taking(100)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(1)
        world.controller.enqueue(B)
        world.controller.enqueue(C)
        await asyncio.sleep(60)
        world.controller.enqueue(D)
        await asyncio.sleep(100)

    assert [key for _, key in world.reconciler.turns] == [A, B, C, D, A]


async def test_what_fell_due_in_a_suspend_is_done_soon_after_it(
    world: World, clock: VirtualClock
) -> None:
    world.reconciler.script = [Outcome(requeue_after=3600)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(1)
        clock.suspended += 3600
        await asyncio.sleep(LONGEST_TIMER)

    first, second = world.reconciler.times(A)
    assert second - first <= 1 + LONGEST_TIMER


async def test_wait_that_begins_after_a_suspend_has_its_length(
    world: World, clock: VirtualClock
) -> None:
    world.reconciler.script = [Outcome(requeue_after=60)]
    clock.suspended += 3600

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(100)

    assert world.reconciler.times(A) == [0, 60]


async def test_each_reconcile_has_its_context(world: World) -> None:
    async with world.running():
        world.controller.enqueue(A)
        world.controller.enqueue(B)
        await asyncio.sleep(1)

    first, second = world.reconciler.contexts
    assert (first["controller"], first["key"]) == ("things", "team/a")
    assert first["reconcile_id"] != second["reconcile_id"]


async def test_observer_is_told_the_time_taken(world: World) -> None:
    world.reconciler.script = [taking(3)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(4)

    assert world.record.ended == [("things", ReconcileResult.SUCCESS, 3)]


async def test_no_more_keys_are_worked_on_at_once_than_there_are_workers(
    world: World,
) -> None:
    world.reconciler.script = [taking(3), taking(3), taking(3)]
    world.keys[:] = [A, B, C]

    async with world.running():
        await asyncio.sleep(10)

    assert [at for at, _ in world.reconciler.turns] == [0, 0, 3]


async def test_stop_works_off_what_is_ready(world: World) -> None:
    world.reconciler.script = [taking(2), taking(2), taking(2)]
    world.keys[:] = [A, B, C]

    async with world.running():
        pass

    assert [at for at, _ in world.reconciler.turns] == [0, 0, 2]
    assert asyncio.get_running_loop().time() == 4


async def test_stop_cancels_what_takes_too_long(world: World) -> None:
    world.reconciler.script = [forever]

    with capture_logs() as lines:
        async with world.running():
            world.controller.enqueue(A)
            await asyncio.sleep(1)

    assert asyncio.get_running_loop().time() == 6
    assert world.record.ended == []
    (line,) = lines
    assert (line["event"], line["workers"]) == ("work_cut_short", 1)


async def test_cancelled_run_ends_at_once_and_can_be_run_again(world: World) -> None:
    world.reconciler.script = [forever]
    world.keys[:] = [A]

    async with asyncio.TaskGroup() as group:
        run = group.create_task(world.controller.run(world.stop))
        await asyncio.sleep(1)
        run.cancel()
    assert asyncio.get_running_loop().time() == 1
    async with world.running():
        await asyncio.sleep(1)

    assert world.reconciler.times(A) == [0, 1]


async def test_parked_key_rests_until_it_is_woken(world: World) -> None:
    world.reconciler.script = [Parked("not your turn", look_again=300)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(100)
        world.controller.enqueue(A)
        await asyncio.sleep(1000)

    assert world.reconciler.times(A) == [0, 100]


async def test_parked_key_is_looked_at_should_its_wake_be_lost(world: World) -> None:
    world.reconciler.script = [Parked("not your turn", look_again=300)]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(1000)

    assert world.reconciler.times(A) == [0, 300]


async def test_to_be_parked_is_neither_success_nor_failure(world: World) -> None:
    parked = Parked("not your turn", look_again=300)
    world.reconciler.script = [Transient("failed"), parked, Outcome()]

    with capture_logs() as logs:
        async with world.running():
            world.controller.enqueue(A)
            await asyncio.sleep(10)
            assert world.limiter.failed == {A}, "the failure before is not forgotten"
            await asyncio.sleep(1000)

    results = [result for _, result, _ in world.record.ended]
    assert results == [
        ReconcileResult.ERROR,
        ReconcileResult.PARKED,
        ReconcileResult.SUCCESS,
    ]
    news = [line["event"] for line in logs if line["log_level"] != "debug"]
    assert news == ["reconcile_failed", "reconcile_recovered"]


async def test_key_that_is_woken_while_it_is_parked_comes_again(world: World) -> None:
    async def park_late(key: ObjectKey) -> Outcome:
        world.controller.enqueue(key)  # the turn has come before the worker let go
        raise Parked("not your turn")

    world.reconciler.script = [park_late]

    async with world.running():
        world.controller.enqueue(A)
        await asyncio.sleep(1000)

    assert world.reconciler.times(A) == [0, 0]
