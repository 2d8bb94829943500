"""How long nobody leads, and what it costs to stand by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import TypeVar

import looptime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.leases import FakeLeases
from tests.unit.runtime.test_leader import THEIRS, Candidate, make_candidate
from tests.unit.runtime.virtual import seeded
from vso_controller.foundation.errors import Transient
from vso_controller.runtime.leader import LeaderTiming

T = TypeVar("T")

LASTS = LeaderTiming().lease_duration
RETRY = LeaderTiming().retry_period
MOMENT = 0.01  # seconds, for some steps of the loop
MINUTE = 60.0
MOST_LOOKS = 1 + MINUTE / (RETRY / 2)  # of one standby, in a minute

draws = st.randoms(use_true_random=False)


@given(standbys=st.lists(draws, min_size=1, max_size=3), after=st.floats(0.5, 10))
def test_lease_that_is_given_back_is_taken_within_the_retry_period(
    standbys: list[Random], after: float
) -> None:
    async def hand_over() -> list[str]:
        leases = FakeLeases()
        leader = make_candidate(leases, "leader")
        others = [
            make_candidate(leases, f"standby {number}", random=drawn)
            for number, drawn in enumerate(standbys)
        ]
        async with leader.standing() as run:
            await asyncio.sleep(MOMENT)
            async with all_standing(others):
                await asyncio.sleep(after)
                run.cancel()
                await asyncio.sleep(RETRY + MOMENT)
                return [each.elector.identity for each in others if each.leads]

    assert len(in_virtual_time(hand_over())) == 1


@given(drawn=draws, after=st.floats(0, 10))
def test_lease_that_is_left_behind_is_taken_within_its_length_and_the_retry_period(
    drawn: Random, after: float
) -> None:
    async def leave_behind() -> float:
        leases = FakeLeases()
        standby = make_candidate(leases, "standby", random=drawn)
        leases.put(THEIRS)
        async with standby.standing():
            await asyncio.sleep(after)
            leases.put(THEIRS)
            await asyncio.sleep(LASTS + RETRY + MOMENT)
            ((began,),) = standby.terms
        return began - after

    # That is from the last renewal on, which a standby sees up to one rest later.
    assert LASTS <= in_virtual_time(leave_behind()) <= LASTS + RETRY + MOMENT


@given(drawn=draws, period=st.floats(0.001, 9.9))
def test_standby_rests_for_half_of_the_retry_period_at_least(
    drawn: Random, period: float
) -> None:
    timing = LeaderTiming(retry_period=period)

    assert period / 2 <= timing.standby_rest(drawn) <= period


def test_rests_of_standbys_are_spread() -> None:
    timing, random = LeaderTiming(), seeded(7)

    rests = sorted(timing.standby_rest(random) for _ in range(100))

    assert rests[10] < 1.3 * RETRY / 2
    assert rests[-10] > 0.85 * RETRY


@given(drawn=draws, every=st.floats(0.3, 10))
def test_standby_asks_once_in_half_of_the_retry_period_at_most(
    drawn: Random, every: float
) -> None:
    async def stand_by() -> int:
        leases = FakeLeases()
        standby = make_candidate(leases, "standby", random=drawn)
        async with renewed(leases, every), standby.standing():
            await asyncio.sleep(MINUTE)
            return leases.requests

    assert MINUTE / RETRY - 1 <= in_virtual_time(stand_by()) <= MOST_LOOKS


@pytest.mark.looptime
async def test_lease_that_lapsed_and_cannot_be_had_is_no_reason_to_hurry() -> None:
    leases = FakeLeases()
    leases.put(THEIRS)

    async with make_candidate(leases, "standby").standing():
        await asyncio.sleep(LASTS - MOMENT)
        leases.down = Transient("refused")
        before = leases.requests
        await asyncio.sleep(MINUTE)

        assert leases.requests - before <= MOST_LOOKS


@asynccontextmanager
async def all_standing(candidates: list[Candidate]) -> AsyncIterator[None]:
    """Let all of them stand for the length of the block."""
    async with AsyncExitStack() as stack:
        for each in candidates:
            await stack.enter_async_context(each.standing())
        yield


@asynccontextmanager
async def renewed(leases: FakeLeases, every: float) -> AsyncIterator[None]:
    """Have somebody else renew the lease for the length of the block."""

    async def renew() -> None:
        while True:
            leases.put(THEIRS)
            await asyncio.sleep(every)

    async with asyncio.TaskGroup() as group:
        other = group.create_task(renew())
        yield
        other.cancel()


def in_virtual_time(story: Coroutine[None, None, T]) -> T:
    """Return what a story returns; Hypothesis runs no coroutines."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(story)
