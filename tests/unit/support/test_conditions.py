"""Waiting for a probe to stop complaining."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.conditions import NotYet, eventually

pytestmark = pytest.mark.looptime


class Kettle:
    """Boils at a time of the loop's clock."""

    def __init__(self, *, boils_at: float) -> None:
        self.boils_at = boils_at

    async def temperature(self) -> int:
        if asyncio.get_running_loop().time() < self.boils_at:
            raise NotYet("still cold")
        return 100


async def test_what_becomes_true_is_returned() -> None:
    kettle = Kettle(boils_at=3)

    assert await eventually(kettle.temperature, within=5) == 100
    assert asyncio.get_running_loop().time() == pytest.approx(3, abs=0.1)


async def test_what_stays_untrue_is_told_with_the_last_reason() -> None:
    kettle = Kettle(boils_at=60)

    with pytest.raises(AssertionError, match=r"not so within 5 s: still cold"):
        await eventually(kettle.temperature, within=5)


async def test_a_probe_that_hangs_is_interrupted() -> None:
    async def hang() -> None:
        await asyncio.sleep(3600)

    with pytest.raises(AssertionError, match="the probe never returned"):
        await eventually(hang, within=5)
    assert asyncio.get_running_loop().time() == pytest.approx(5)


async def test_another_exception_ends_the_wait_at_once() -> None:
    async def fail() -> None:
        raise TimeoutError("of the probe itself")

    with pytest.raises(TimeoutError, match="of the probe itself"):
        await eventually(fail, within=5)
    assert asyncio.get_running_loop().time() == 0
