"""The promises of the work queue, whatever happens in whatever order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import looptime
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.runtime.virtual import (
    FixedLimiter,
    Plenty,
    QueueRecord,
    VirtualClock,
    flow_of,
)
from vso_controller.runtime.lanes import TURNS_PER_DUE, Lane
from vso_controller.runtime.workqueue import (
    CLOCK_TOLERANCE,
    QueueClosed,
    Turn,
    WorkQueue,
)

WORKERS = 3
KEYS = st.sampled_from(("a/1", "a/2", "b/1", "b/2", "c/1"))
LANES = st.sampled_from(Lane)


class QueueMachine(RuleBasedStateMachine):
    """Workers that hold a key until told, and a model of what each key is due."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.clock = VirtualClock()
        self.observer = QueueRecord()
        self.queue: WorkQueue[str] = WorkQueue(
            limiter=FixedLimiter(rest=3),
            bucket=Plenty(),
            flow=flow_of,
            observer=self.observer,
            clock=self.clock,
        )
        self.adds: Counter[str] = Counter()
        self.turns: Counter[str] = Counter()
        self.owed: set[str] = set()  # must be handed out without further ado
        self.resting: dict[str, float] = {}  # must be handed out from then on
        self.holding: dict[str, asyncio.Event] = {}
        self.news: dict[str, float] = {}  # since when a turn must be as new
        self.workers = [self.loop.create_task(self.work()) for _ in range(WORKERS)]
        self.closed = False
        self.run(0)

    async def work(self) -> None:
        with suppress(QueueClosed):
            while True:
                async with self.queue.take() as turn:
                    await self.hold(turn)

    async def hold(self, turn: Turn[str]) -> None:
        key = turn.key
        assert self.news.get(key, -CLOCK_TOLERANCE) <= turn.woken_at <= self.loop.time()
        assert key not in self.holding, "a key is held twice"
        assert key in self.owed, "a key is handed out unasked"
        self.owed.remove(key)
        self.turns[key] += 1
        release = self.holding[key] = asyncio.Event()
        try:
            await release.wait()
        finally:
            del self.holding[key]
            self.news[key] = self.loop.time() - CLOCK_TOLERANCE

    def run(self, seconds: float, act: Callable[[], None] = lambda: None) -> None:
        """Act on the loop, then let time pass."""

        async def act_and_wait() -> None:
            act()
            await asyncio.sleep(seconds)
            for _ in range(5):  # for those who were woken at the end
                await asyncio.sleep(0)

        end = self.loop.time() + seconds
        for key, due in list(self.resting.items()):
            if due <= end:
                del self.resting[key]
                self.owe(key)
        self.loop.run_until_complete(act_and_wait())

    def owe(self, key: str) -> None:
        self.adds[key] += key not in self.owed
        self.owed.add(key)

    @rule(key=KEYS, lane=LANES)
    def add(self, key: str, lane: Lane) -> None:
        if not self.closed:
            self.resting.pop(key, None)
            self.owe(key)
            if lane is Lane.CHANGED:
                self.news[key] = self.loop.time()
        self.run(0, lambda: self.queue.add(key, lane))

    @rule(key=KEYS, delay=st.integers(1, 5))
    def add_after(self, key: str, delay: int) -> None:
        self.rest(key, delay)
        self.run(0, lambda: self.queue.add_after(key, delay))

    @rule(key=KEYS)
    def add_failed(self, key: str) -> None:
        self.rest(key, 3)
        if not self.closed and key not in self.owed:
            self.news[key] = self.loop.time()
        self.run(0, lambda: self.queue.add_failed(key))

    def rest(self, key: str, delay: int) -> None:
        if not self.closed and key not in self.owed:
            due = self.loop.time() + delay
            self.resting[key] = min(due, self.resting.get(key, due))

    @precondition(lambda self: self.holding)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.holding)))
        self.holding[key].set()
        self.run(0)

    @rule(worker=st.integers(0, WORKERS - 1))
    def replace_a_worker(self, worker: int) -> None:
        self.workers[worker].cancel()
        self.workers[worker] = self.loop.create_task(self.work())
        self.run(0)

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.run(seconds)

    @precondition(lambda self: not self.closed)
    @rule()
    def close(self) -> None:
        self.queue.close()
        self.closed = True
        self.resting.clear()
        self.run(0)

    @invariant()
    def no_key_is_lost_or_handed_out_more_often_than_added(self) -> None:
        ready = {key for key in self.owed if key not in self.holding}
        assert len(self.queue) == len(ready)
        for key, turns in self.turns.items():
            assert turns + (key in self.owed) == self.adds[key]

    @invariant()
    def metrics_agree(self) -> None:
        assert self.queue.depth == len(self.owed)
        assert self.observer.depths[-1:] in ([], [len(self.owed)])
        assert self.observer.adds == self.adds.total()
        assert len(self.observer.waits) == self.turns.total()
        assert len(self.observer.works) == self.turns.total() - len(self.holding)

    @invariant()
    def no_worker_idles_while_a_key_is_ready(self) -> None:
        alive = sum(not worker.done() for worker in self.workers)
        if len(self.queue):
            assert len(self.holding) == alive

    def teardown(self) -> None:
        for worker in self.workers:
            worker.cancel()
        self.loop.run_until_complete(asyncio.wait(self.workers))
        for worker in self.workers:
            assert worker.cancelled() or worker.exception() is None
        self.loop.close()


TestQueue = QueueMachine.TestCase


FLOWS, KEYS_PER_FLOW = 4, 3


class Bounds:
    """For each waiting key, how many others may still be handed out before it."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.left: dict[str, int] = {}

    def joined(self, key: str, lane: Lane) -> None:
        if lane >= self.lanes.get(key, len(Lane)):
            return
        ahead = sum(
            flow_of(other) == flow_of(key) and others is lane
            for other, others in self.lanes.items()
        )
        in_lane = ahead + (ahead + 1) * (FLOWS - 1)
        self.lanes[key] = lane
        self.left[key] = (
            in_lane + in_lane // (TURNS_PER_DUE - 1) + 1
            if lane is Lane.CHANGED
            else (in_lane + 1) * TURNS_PER_DUE - 1
        )

    def handed_out(self, key: str) -> None:
        del self.lanes[key], self.left[key]
        for other in self.left:
            self.left[other] -= 1
            assert self.left[other] >= 0, f"{other} was passed over too often"


@given(
    adds=st.lists(
        st.lists(
            st.tuples(
                st.integers(1, FLOWS),
                st.integers(1, KEYS_PER_FLOW),
                st.sampled_from(Lane),
            ),
            max_size=4,
        ),
        max_size=120,
    )
)
def test_no_key_waits_for_more_turns_than_flows_and_lanes_explain(
    adds: list[list[tuple[int, int, Lane]]],
) -> None:
    async def hand_out() -> None:
        queue: WorkQueue[str] = WorkQueue(
            limiter=FixedLimiter(rest=3),
            bucket=Plenty(),
            flow=flow_of,
            observer=QueueRecord(),
            clock=VirtualClock(),
        )
        bounds = Bounds()
        for batch in adds:
            for flow, number, lane in batch:
                queue.add(f"{flow}/{number}", lane)
                bounds.joined(f"{flow}/{number}", lane)
            if queue:
                async with queue.take() as turn:
                    bounds.handed_out(turn.key)

    asyncio.run(hand_out())
