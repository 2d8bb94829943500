"""One heap, one timer: what is due wakes once, at its time."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from collections.abc import Callable

import looptime
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.runtime.virtual import VirtualClock
from vso_controller.runtime.scheduler import LONGEST_TIMER, Scheduler


class Woken(list[tuple[float, str]]):
    """Records who was woken when."""

    def __call__(self, key: str) -> None:
        self.append((asyncio.get_running_loop().time(), key))


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def scheduler(woken: Woken, clock: VirtualClock) -> Scheduler[str]:
    return Scheduler(wake=woken, clock=clock)


@pytest.mark.looptime
async def test_keys_wake_at_their_time_in_the_order_of_time(
    scheduler: Scheduler[str], woken: Woken
) -> None:
    scheduler.schedule("late", 7)
    scheduler.schedule("early", 3)
    scheduler.schedule("also late", 7)

    await asyncio.sleep(10)

    assert woken == [(3, "early"), (7, "late"), (7, "also late")]
    assert len(scheduler) == 0


@pytest.mark.looptime
@pytest.mark.parametrize("due", [2, 9], ids=["sooner", "later"])
async def test_new_plan_replaces_the_old_one(
    scheduler: Scheduler[str], woken: Woken, due: float
) -> None:
    scheduler.schedule("a", 5)
    scheduler.schedule("a", due)

    await asyncio.sleep(20)

    assert woken == [(due, "a")]


@pytest.mark.looptime
async def test_cancelled_key_does_not_wake(
    scheduler: Scheduler[str], woken: Woken
) -> None:
    scheduler.schedule("a", 5)
    scheduler.schedule("b", 6)
    scheduler.cancel("a")
    scheduler.cancel("never planned")

    await asyncio.sleep(20)

    assert woken == [(6, "b")]


@pytest.mark.looptime
async def test_what_is_past_wakes_at_once(
    scheduler: Scheduler[str], woken: Woken
) -> None:
    await asyncio.sleep(5)
    scheduler.schedule("a", -math.inf)
    assert scheduler.overdue == math.inf
    scheduler.schedule("a", 4)
    assert scheduler.overdue == 1

    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert woken == [(5, "a")]
    assert scheduler.overdue == 0


@pytest.mark.looptime
async def test_scheduler_tells_what_is_due_next(scheduler: Scheduler[str]) -> None:
    assert scheduler.next_due is None

    scheduler.schedule("a", 5)
    scheduler.schedule("b", 3)
    assert scheduler.next_due == 3
    scheduler.cancel("b")

    assert scheduler.next_due == 5
    assert scheduler.overdue == 0


@pytest.mark.looptime
async def test_closed_scheduler_wakes_nobody(
    scheduler: Scheduler[str], woken: Woken
) -> None:
    scheduler.close()
    scheduler.schedule("a", 5)
    scheduler.close()

    await asyncio.sleep(10)

    assert woken == []


@pytest.mark.looptime
async def test_closed_scheduler_leaves_nothing_behind_on_the_loop(
    woken: Woken, clock: VirtualClock
) -> None:
    scheduler: Scheduler[str] = Scheduler(wake=woken, clock=clock)
    for due in (9, 5, 7):
        scheduler.schedule("a", due)
    alive = weakref.ref(scheduler)

    scheduler.close()
    del scheduler
    gc.collect()

    assert alive() is None


@pytest.mark.looptime
async def test_due_times_beyond_any_timer_are_kept(
    scheduler: Scheduler[str], woken: Woken
) -> None:
    scheduler.schedule("in an hour", 3600)
    scheduler.schedule("never", math.inf)

    await asyncio.sleep(4000)

    assert woken == [(3600, "in an hour")]
    assert len(scheduler) == 1


@pytest.mark.looptime
async def test_what_fell_due_in_a_suspend_wakes_soon_after_it_in_order(
    scheduler: Scheduler[str], woken: Woken, clock: VirtualClock
) -> None:
    scheduler.schedule("second", 1800)
    scheduler.schedule("first", 900)
    scheduler.schedule("not yet", 5000)

    await asyncio.sleep(1)
    clock.suspended += 3600
    assert scheduler.overdue == 3601 - 900
    await asyncio.sleep(LONGEST_TIMER)

    (first_at, first), (second_at, second) = woken
    assert (first, second) == ("first", "second")
    assert first_at == second_at <= 1 + LONGEST_TIMER
    assert scheduler.next_due == 5000


@pytest.mark.looptime
async def test_plan_made_after_a_suspend_gives_it_away(
    scheduler: Scheduler[str], woken: Woken, clock: VirtualClock
) -> None:
    scheduler.schedule("a", 1800)
    clock.suspended += 3600

    scheduler.schedule("b", 3601)
    await asyncio.sleep(2)

    assert woken == [(0, "a"), (1, "b")]


@pytest.mark.looptime
async def test_plan_made_after_a_suspend_keeps_its_time(
    scheduler: Scheduler[str], woken: Woken, clock: VirtualClock
) -> None:
    clock.suspended += 3600
    scheduler.schedule("a", clock.boot() + 25)

    await asyncio.sleep(100)

    assert woken == [(25, "a")]


@pytest.mark.looptime
async def test_wall_clock_that_is_set_moves_nothing(
    scheduler: Scheduler[str], woken: Woken, clock: VirtualClock
) -> None:
    scheduler.schedule("a", 25)
    clock.wall_offset += 86_400

    await asyncio.sleep(100)

    assert woken == [(25, "a")]


@pytest.mark.looptime
async def test_timer_that_fires_a_breath_early_is_set_again(woken: Woken) -> None:
    class Lagging(VirtualClock):
        """A boot clock a little behind the loop's."""

        def boot(self) -> float:
            return self.monotonic() - 1e-9

    scheduler = Scheduler(wake=woken, clock=Lagging())
    scheduler.schedule("a", 5)

    await asyncio.sleep(20)

    ((at, _),) = woken
    assert 5 <= at <= 5.01


@pytest.mark.looptime
@pytest.mark.parametrize("dues", [(5, 9), (9, 5)], ids=["later", "sooner"])
async def test_plan_is_brought_forward_but_never_put_off(
    scheduler: Scheduler[str], woken: Woken, dues: tuple[float, float]
) -> None:
    for due in dues:
        scheduler.bring_forward("a", due)

    await asyncio.sleep(20)

    assert woken == [(5, "a")]


@pytest.mark.looptime
async def test_no_time_at_all_is_refused(scheduler: Scheduler[str]) -> None:
    with pytest.raises(ValueError, match="not a number"):
        scheduler.schedule("a", math.nan)


@pytest.mark.looptime
@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "replaced"])
async def test_stale_entries_are_few(scheduler: Scheduler[str], cancel: bool) -> None:
    for due in range(10_000):
        scheduler.schedule(str(due % 100), 1_000_000 - due)
        if cancel and due % 100 > 50:
            scheduler.cancel(str(due % 100))

    assert len(scheduler._heap) <= 1.5 * len(scheduler) + 64


class SchedulerMachine(RuleBasedStateMachine):
    """Random plans against a dictionary of due times."""

    keys = st.integers(0, 150)

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.woken: list[int] = []
        self.plans: dict[int, int] = {}
        self.now = 0
        self.clock = VirtualClock()
        self.scheduler: Scheduler[int] = Scheduler(
            wake=self.woken.append, clock=self.clock
        )

    def run(self, seconds: int, act: Callable[[], None] = lambda: None) -> None:
        """Act on the loop, let time pass, and see who was woken."""

        async def act_and_wait() -> None:
            act()
            await asyncio.sleep(seconds)
            for _ in range(3):  # for what is due at the very end
                await asyncio.sleep(0)

        self.woken.clear()
        self.now += seconds  # on the boot clock
        self.loop.run_until_complete(act_and_wait())
        due = [key for key, at in self.plans.items() if at <= self.now]
        assert sorted(self.woken) == sorted(due), "each due key once, no other"
        times = [self.plans[key] for key in self.woken]
        assert times == sorted(times), "in order of due time"
        for key in due:
            del self.plans[key]

    @rule(keys=st.lists(keys, max_size=60), due=st.integers(0, 60))
    def schedule(self, keys: list[int], due: int) -> None:
        plans = [(key, due + offset) for offset, key in enumerate(keys)]
        self.plans.update(plans)
        self.run(0, lambda: self.add(plans))

    def add(self, plans: list[tuple[int, int]]) -> None:
        for key, due in plans:
            self.scheduler.schedule(key, due)

    @rule(keys=st.sets(keys, max_size=60))
    def cancel(self, keys: set[int]) -> None:
        for key in keys:
            self.scheduler.cancel(key)
            self.plans.pop(key, None)

    @rule(key=keys, due=st.integers(0, 60))
    def bring_forward(self, key: int, due: int) -> None:
        self.plans[key] = min(due, self.plans.get(key, due))
        self.run(0, lambda: self.scheduler.bring_forward(key, due))

    @rule(seconds=st.integers(0, 10))
    def wait(self, seconds: int) -> None:
        self.run(seconds)

    @rule(seconds=st.integers(1, 30))
    def suspend(self, seconds: int) -> None:
        self.clock.suspended += seconds
        self.now += seconds
        self.run(int(LONGEST_TIMER))

    @invariant()
    def knows_what_is_planned(self) -> None:
        assert len(self.scheduler) == len(self.plans)
        assert self.scheduler.next_due == min(self.plans.values(), default=None)

    def teardown(self) -> None:
        self.scheduler.close()
        self.loop.close()


TestScheduler = SchedulerMachine.TestCase
