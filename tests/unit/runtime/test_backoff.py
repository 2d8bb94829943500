"""The rests of one loop, and of one key."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.runtime.backoff import Backoff
from vso_controller.runtime.ratelimit import BackoffSettings, ExponentialBackoff


def make_backoff(clock: VirtualClock) -> Backoff:
    return Backoff(
        initial=0.8, maximum=30, reset_after=120, clock=clock, random=seeded(7)
    )


@pytest.mark.looptime
async def test_rests_double_up_to_the_maximum_with_jitter(clock: VirtualClock) -> None:
    backoff = make_backoff(clock)

    rests = [backoff.next_rest() for _ in range(10)]

    lowest = [0.8, 1.6, 3.2, 6.4, 12.8, 15, 15, 15, 15, 15]
    for rest, low in zip(rests, lowest, strict=True):
        assert low <= rest <= min(2 * low, 30)
    assert len(set(rests)) == 10, "no two rests are the same"


@pytest.mark.looptime
async def test_backoff_starts_anew_after_health(clock: VirtualClock) -> None:
    backoff = make_backoff(clock)
    rest = max(backoff.next_rest() for _ in range(8))

    await asyncio.sleep(rest + 119)
    assert backoff.next_rest() >= 15, "not yet healthy for two minutes"
    await asyncio.sleep(30 + 120)

    assert backoff.next_rest() <= 1.6


def test_key_rests_longer_with_each_failure_and_less_after_success() -> None:
    limiter = ExponentialBackoff(
        settings=BackoffSettings(randomization=0), random=seeded(7)
    )

    rests = [limiter.next_delay("a") for _ in range(9)]
    limiter.forget("a")

    assert rests[:4] == [5, 7.5, 11.25, 16.875]
    assert rests[7:] == [60, 60]
    assert limiter.next_delay("a") == 5
    assert limiter.next_delay("b") == 5


def test_forgotten_keys_leave_nothing_behind() -> None:
    limiter = ExponentialBackoff(settings=BackoffSettings(), random=seeded(7))
    limiter.next_delay("a")

    limiter.forget("a")
    limiter.forget("never failed")

    assert len(limiter) == 0


@given(seed=st.integers(), failures=st.integers(1, 3000))
def test_jitter_stays_within_its_share(seed: int, failures: int) -> None:
    limiter = ExponentialBackoff(settings=BackoffSettings(), random=seeded(seed))

    for _ in range(failures):
        rest = limiter.next_delay("a")
        assert 2.5 <= rest <= 90
