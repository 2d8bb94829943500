"""Rows of the fault matrix (`docs/faults.md`): clocks that jump, machines that sleep.

Hours matter here, so time is virtual: an election, its gate and the heap of due
times on one clock, as `app` wires them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.fakes.leases import FakeLeases
from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.domain.refresh import until_next_slot
from vso_controller.runtime.gate import LeaseGate
from vso_controller.runtime.leader import LeaderElector, LeaderTiming
from vso_controller.runtime.scheduler import LONGEST_TIMER, Scheduler

pytestmark = pytest.mark.looptime

HOUR = 3600.0
LONG = 1200.0  # seconds, in which a leader renews its lease 600 times
PERIOD = timedelta(minutes=7)  # no divisor of an hour: a jump moves the slots


@dataclass
class Replica:
    """One process: it leads, and a resource is due in its slot."""

    clock: VirtualClock
    gate: LeaseGate
    elector: LeaderElector
    # When a key was due (on the loop's clock), and whether it could be written.
    due: list[tuple[str, float, bool]] = field(default_factory=list)
    terms: int = 0

    def __post_init__(self) -> None:
        self.scheduler: Scheduler[str] = Scheduler(wake=self._wake, clock=self.clock)

    def refresh(self, key: str) -> None:
        """Have a key due in its next slot, and then in each."""
        wait = until_next_slot(key, period=PERIOD, now=self.clock.now())
        self.scheduler.schedule(key, self.clock.boot() + wait)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stand for election for the length of the block."""
        async with asyncio.TaskGroup() as group:
            life = group.create_task(self.elector.run(self._lead, stop=asyncio.Event()))
            await asyncio.sleep(1)
            yield
            life.cancel()
        self.scheduler.close()

    async def _lead(self) -> None:
        self.terms += 1
        await asyncio.Event().wait()

    def _wake(self, key: str) -> None:
        self.due.append((key, self.clock.monotonic(), self.gate.is_open))
        if key.startswith("every"):
            self.refresh(key)


@pytest.fixture
def leases() -> FakeLeases:
    return FakeLeases()


@pytest.fixture
def replica(clock: VirtualClock, leases: FakeLeases) -> Replica:
    gate = LeaseGate(clock=clock, margin=2.5)
    elector = LeaderElector(
        identity="us",
        leases=leases,
        gate=gate,
        clock=clock,
        random=seeded(7),
        timing=LeaderTiming(),
    )
    return Replica(clock, gate, elector)


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["an hour on", "an hour back"])
async def test_row_47_wall_clock_that_jumps_costs_no_lease_and_no_refresh(
    replica: Replica, jump: float
) -> None:
    async with replica.running():
        replica.refresh("every slot")
        await asyncio.sleep(LONG)
        replica.clock.wall_offset += jump
        await asyncio.sleep(LONG)

    reads = [at for _, at, _ in replica.due]
    period = PERIOD.total_seconds()
    assert max(later - earlier for earlier, later in pairwise(reads)) <= period + 0.01
    assert len(reads) <= 2 * LONG / period + 1, (
        "one more at most, for a slot that moved"
    )
    assert all(may_write for _, _, may_write in replica.due)
    assert replica.terms == 1


async def test_row_48_leader_that_was_suspended_asks_for_its_lease_before_it_writes(
    replica: Replica,
) -> None:
    async with replica.running():
        begun = replica.clock.boot()
        for key, due in (("late", 1.5 * HOUR), ("early", HOUR), ("later", 3 * HOUR)):
            replica.scheduler.schedule(key, begun + due)
        replica.clock.suspended += 2 * HOUR

        assert not replica.gate.is_open, "from the first moment on"
        await asyncio.sleep(LONGEST_TIMER)

        assert [key for key, _, _ in replica.due] == ["early", "late"]
        assert replica.terms == 2, "the lease was lost, and won anew"
        assert replica.gate.is_open


async def test_lease_that_another_took_in_a_suspend_stays_with_it(
    replica: Replica, leases: FakeLeases
) -> None:
    async with replica.running():
        replica.scheduler.schedule("due in the suspend", replica.clock.boot() + HOUR)
        record = leases.record
        assert record is not None
        for _ in range(2):
            # Renewed by who is awake, unseen by who is not.
            leases.put(replace(record, holder="them"))
        replica.clock.suspended += 2 * HOUR
        await asyncio.sleep(LONGEST_TIMER)

        assert [may_write for _, _, may_write in replica.due] == [False]
        assert replica.terms == 1
        assert not replica.gate.is_open
