"""Who leads, for how long, and what becomes of those who do not."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

import pytest

from tests.fakes.leases import FakeLeases
from tests.unit.runtime.virtual import EPOCH, VirtualClock, seeded
from vso_controller.foundation.errors import Transient
from vso_controller.foundation.leases import LeaseRecord
from vso_controller.runtime.gate import LeaseGate
from vso_controller.runtime.leader import LeaderElector, LeaderTiming, new_identity

pytestmark = pytest.mark.looptime

RETRY = 2 + 0.1  # the longest a standby rests between two tries, and a moment

THEIRS = LeaseRecord(
    holder="them", duration=15, acquired=EPOCH, renewed=EPOCH, transitions=3
)


@dataclass
class Candidate:
    """One process that stands for election, and what it did."""

    elector: LeaderElector
    gate: LeaseGate
    clock: VirtualClock
    terms: list[list[float]] = field(default_factory=list)  # [began, ended]
    retires: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def leads(self) -> bool:
        return bool(self.terms) and len(self.terms[-1]) == 1

    async def lead(self) -> None:
        self.terms.append([self.clock.monotonic()])
        try:
            await self.retires.wait()
        finally:
            self.terms[-1].append(self.clock.monotonic())

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[asyncio.Task[None]]:
        """Stand for the length of the block."""
        async with asyncio.TaskGroup() as group:
            run = group.create_task(self.elector.run(self.lead, stop=self.stop))
            yield run
            run.cancel()


def make_candidate(
    leases: FakeLeases, name: str, *, random: Random | None = None
) -> Candidate:
    clock = VirtualClock()
    gate = LeaseGate(clock=clock, margin=2)
    elector = LeaderElector(
        identity=name,
        leases=leases,
        gate=gate,
        clock=clock,
        random=random or seeded(7),
        timing=LeaderTiming(),
    )
    return Candidate(elector, gate, clock)


@pytest.fixture
def leases() -> FakeLeases:
    return FakeLeases()


@pytest.fixture
def us(leases: FakeLeases) -> Candidate:
    return make_candidate(leases, "us")


def holder(leases: FakeLeases) -> str | None:
    return None if leases.record is None else leases.record.holder


async def test_lease_that_is_not_there_is_created(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(1)

        assert us.leads
        assert us.elector.is_leading
        us.gate.check()
        assert leases.record == LeaseRecord(
            holder="us",
            duration=15,
            acquired=EPOCH,
            renewed=EPOCH,
            transitions=0,
            resource_version="101",
        )


async def test_leader_renews_and_keeps_the_gate_open(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(1)
        for _ in range(100):
            await asyncio.sleep(1.7)
            us.gate.check()

        assert len(us.terms) == 1
        assert leases.record is not None
        assert leases.record.acquired == EPOCH
        assert leases.record.renewed >= EPOCH + 165


async def test_lease_of_another_is_taken_when_it_was_not_renewed(
    leases: FakeLeases, us: Candidate
) -> None:
    leases.put(THEIRS)

    async with us.standing():
        await asyncio.sleep(14.9)
        assert not us.leads
        assert not us.gate.is_open
        await asyncio.sleep(RETRY)

        assert us.leads
        assert leases.record is not None
        assert (leases.record.holder, leases.record.transitions) == ("us", 4)
        assert leases.record.acquired == EPOCH + us.terms[0][0]


async def test_lease_of_another_is_left_alone_while_it_is_renewed(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        for _ in range(20):
            leases.put(THEIRS)  # with times that say it is over, and a new version
            await asyncio.sleep(10)

        assert us.terms == []
        assert holder(leases) == "them"


@pytest.mark.parametrize(
    "offset", [-86_400.0, 86_400.0], ids=["a day behind", "a day ahead"]
)
async def test_clocks_of_others_do_not_matter(
    leases: FakeLeases, us: Candidate, offset: float
) -> None:
    leases.put(
        LeaseRecord(
            holder="them",
            duration=15,
            acquired=EPOCH + offset,
            renewed=EPOCH + offset,
            transitions=0,
        )
    )

    async with us.standing():
        await asyncio.sleep(14.9)
        assert not us.leads
        await asyncio.sleep(RETRY)
        assert us.leads


@pytest.mark.parametrize(
    "duration", [0.0, -5.0, math.nan, math.inf], ids=["0", "-5", "nan", "inf"]
)
async def test_corrupt_duration_counts_as_our_own(
    leases: FakeLeases, us: Candidate, duration: float
) -> None:
    leases.put(
        LeaseRecord(
            holder="them", duration=duration, acquired=0, renewed=-1, transitions=-7
        )
    )

    async with us.standing():
        await asyncio.sleep(14.9)
        assert not us.leads
        await asyncio.sleep(RETRY)
        assert us.leads


@pytest.mark.parametrize(
    ("before", "after"), [(-7, 1), (2**31 - 1, 2**31 - 1)], ids=["below", "at the end"]
)
async def test_corrupt_count_of_transitions_is_mended(
    leases: FakeLeases, us: Candidate, before: int, after: int
) -> None:
    leases.put(replace(THEIRS, holder="", transitions=before))

    async with us.standing():
        await asyncio.sleep(1)

        assert us.leads
        assert leases.record is not None
        assert leases.record.transitions == after


async def test_released_lease_is_taken_at_the_next_try(
    leases: FakeLeases, us: Candidate
) -> None:
    them = make_candidate(leases, "them")

    async with them.standing() as their_run:
        await asyncio.sleep(1)
        async with us.standing():
            await asyncio.sleep(20)
            assert them.leads
            their_run.cancel()
            await asyncio.sleep(RETRY)

            assert not them.leads
            assert us.leads


async def test_two_candidates_never_lead_together(leases: FakeLeases) -> None:
    both = [make_candidate(leases, name) for name in ("one", "other")]

    async with both[0].standing(), both[1].standing():
        for step in range(400):
            await asyncio.sleep(0.5)
            leases.down = Transient("refused") if step % 97 < 30 else None
            assert [c.gate.is_open for c in both].count(True) <= 1
            assert [c.leads for c in both].count(True) <= 1

    terms = sorted(both[0].terms + both[1].terms)
    assert len(terms) > 2
    assert all(ended <= began for (_, ended), (began, _) in pairwise(terms))


async def test_leader_that_cannot_renew_stands_down_and_stands_again(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing() as run:
        await asyncio.sleep(5)
        leases.down = Transient("refused")
        await asyncio.sleep(10)
        assert us.terms == [[0.0, pytest.approx(14, abs=0.1)]]
        assert not us.gate.is_open
        leases.down = None
        await asyncio.sleep(RETRY)

        assert us.leads
        assert not run.done()


async def test_short_fault_costs_no_leadership(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.down = Transient("refused")
        await asyncio.sleep(6)
        leases.down = None
        await asyncio.sleep(60)

        assert len(us.terms) == 1
        us.gate.check()


async def test_request_that_hangs_leaves_time_for_another(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.hangs = True
        await asyncio.sleep(2)
        leases.hangs = False
        await asyncio.sleep(60)

        assert len(us.terms) == 1


async def test_leader_whose_gate_was_closed_stands_down_and_stands_anew(
    us: Candidate,
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        us.gate.close()
        await asyncio.sleep(10)

        assert us.terms == [[0.0, pytest.approx(6)], [pytest.approx(6)]]
        us.gate.check()


async def test_row_59_renewal_that_began_before_a_block_does_not_prolong_the_term(
    leases: FakeLeases, us: Candidate
) -> None:
    leases.takes = 1  # to read and to create, and then each renewal

    async with us.standing():
        await asyncio.sleep(2 + 2 + 0.5)
        us.gate.close()
        await asyncio.sleep(0.6)

        assert leases.record is not None
        assert leases.record.renewed == EPOCH + 4, "the renewal was carried out"
        assert us.terms == [[2.0, 5.0]]
        assert not us.gate.is_open


async def test_server_that_never_answers_ends_the_term_in_time(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.hangs = True
        await asyncio.sleep(20)

        assert us.terms == [[0.0, pytest.approx(14, abs=0.1)]]
        assert not us.gate.is_open


async def test_lost_reply_does_not_open_the_gate(
    leases: FakeLeases, us: Candidate
) -> None:
    leases.loses_replies = True

    async with us.standing():
        await asyncio.sleep(4)
        assert holder(leases) == "us"
        assert not us.gate.is_open
        leases.loses_replies = False
        await asyncio.sleep(1 + RETRY)

        assert us.leads


async def test_gate_counts_from_before_the_request_left(
    leases: FakeLeases, us: Candidate
) -> None:
    leases.takes = 2  # to read from 0 to 2 s, to create from 2 to 4 s

    async with us.standing():
        await asyncio.sleep(5)
        leases.down = Transient("refused")
        us.clock.suspended = 14.9 - 5
        us.gate.check()
        us.clock.suspended = 15.1 - 5

        assert not us.gate.is_open, "15 s less 2 s after the request at 2 s"


async def test_leader_that_was_asleep_finds_the_gate_closed_and_stands_down(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        us.clock.suspended = 60
        assert not us.gate.is_open
        leases.put(THEIRS)
        await asyncio.sleep(2.1)

        assert not us.leads
        assert not us.gate.is_open


async def test_leader_that_falls_asleep_over_a_request_stands_down(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.takes = 2
        await asyncio.sleep(2)
        us.clock.suspended = 60
        leases.down = Transient("the connection did not survive that")
        await asyncio.sleep(2)

        assert len(us.terms[0]) == 2
        assert not us.gate.is_open


async def test_leader_stands_down_when_another_takes_the_lease_by_force(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.put(THEIRS)
        await asyncio.sleep(2.1)

        assert not us.leads, "the next renewal is after 2 s, and one look more"
        assert not us.gate.is_open
        assert leases.refused_writes == 1
        assert holder(leases) == "them"


async def test_lease_that_was_deleted_is_made_anew(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.put(None)
        await asyncio.sleep(5)

        assert holder(leases) == "us"
        assert len(us.terms) == 1


async def test_lease_that_was_emptied_is_taken_back(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.put(LeaseRecord("", 0, 0, 0, 0))
        await asyncio.sleep(5)

        assert holder(leases) == "us"
        assert len(us.terms) == 1


async def test_election_ends_and_releases_when_the_work_is_done(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing() as run:
        await asyncio.sleep(5)
        us.retires.set()
        await run

    assert us.terms == [[0.0, 5.0]]
    assert not us.gate.is_open
    assert leases.record is not None
    assert (leases.record.holder, leases.record.duration) == ("", 1)
    assert leases.record.renewed == EPOCH + 5


async def test_lease_that_is_lost_on_the_way_out_is_not_sought_again(
    leases: FakeLeases, us: Candidate
) -> None:
    async with us.standing() as run:
        await asyncio.sleep(5)
        us.stop.set()
        await asyncio.sleep(5)
        assert us.leads, "how to end is for the work to say"
        leases.put(THEIRS)
        await asyncio.sleep(5)

        assert run.done()
        assert holder(leases) == "them"


async def test_work_that_fails_releases_and_is_told(
    leases: FakeLeases, us: Candidate
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(BaseExceptionGroup) as failure:
        await us.elector.run(fail, stop=us.stop)

    assert failure.group_contains(ZeroDivisionError)
    assert holder(leases) == ""


async def test_standby_that_ends_leaves_the_lease_of_another(
    leases: FakeLeases, us: Candidate
) -> None:
    leases.put(THEIRS)

    async with us.standing():
        await asyncio.sleep(5)

    assert holder(leases) == "them"


@pytest.mark.parametrize("fault", ["down", "hangs"])
async def test_end_does_not_depend_on_the_release(
    leases: FakeLeases, us: Candidate, fault: str
) -> None:
    async with us.standing():
        await asyncio.sleep(5)
        leases.down = Transient("refused") if fault == "down" else None
        leases.hangs = fault == "hangs"

    assert us.clock.monotonic() <= 10
    assert not us.gate.is_open


@pytest.mark.parametrize(
    "timing",
    [
        pytest.param({"lease_duration": 10.0}, id="no longer than the deadline"),
        pytest.param({"renew_deadline": 2.0}, id="deadline before the second try"),
        pytest.param({"retry_period": 0.0}, id="no rest"),
    ],
)
async def test_timing_that_cannot_work_is_refused(timing: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must outlast"):
        LeaderTiming(**timing)


async def test_two_processes_of_one_host_are_two_candidates() -> None:
    random = seeded(7)

    one, other = new_identity("host", random), new_identity("host", random)

    assert one.startswith("host_")
    assert one != other
