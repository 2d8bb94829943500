"""The rests of one loop."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.runtime.backoff import Backoff


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
