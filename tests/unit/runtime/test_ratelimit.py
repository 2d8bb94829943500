"""The rests of one key, and the bucket that all retries pass."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.runtime.ratelimit import (
    BackoffSettings,
    BucketSettings,
    ExponentialBackoff,
    TokenBucket,
)


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


@pytest.mark.looptime
async def test_full_bucket_gives_a_burst_and_then_its_rate(clock: VirtualClock) -> None:
    bucket = TokenBucket(settings=BucketSettings(rate=10, burst=100), clock=clock)

    burst = [bucket.take() for _ in range(100)]
    wait = bucket.take()
    await asyncio.sleep(wait)

    assert burst == [0] * 100
    assert wait == pytest.approx(0.1)
    assert bucket.take() == 0
    assert bucket.take() > 0


@pytest.mark.looptime
async def test_bucket_never_holds_more_than_its_burst(clock: VirtualClock) -> None:
    bucket = TokenBucket(settings=BucketSettings(rate=10, burst=3), clock=clock)
    bucket.take()

    await asyncio.sleep(3600)

    assert [bucket.take() > 0 for _ in range(4)] == [False, False, False, True]


@pytest.mark.looptime
async def test_refusal_costs_no_token(clock: VirtualClock) -> None:
    bucket = TokenBucket(settings=BucketSettings(rate=1, burst=1), clock=clock)
    bucket.take()

    waits = [bucket.take() for _ in range(5)]

    assert waits == [1] * 5
