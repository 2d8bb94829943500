"""Failed keys come back after their rest, and no more of them than tokens allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import looptime
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.runtime.virtual import VirtualClock, flow_of
from vso_controller.runtime.ratelimit import BucketSettings, TokenBucket
from vso_controller.runtime.retries import Retries

RATE, BURST = 10, 5


class Released(list[tuple[float, str]]):
    """Records who was released when."""

    def __call__(self, key: str) -> None:
        self.append((asyncio.get_running_loop().time(), key))

    @property
    def keys(self) -> list[str]:
        return [key for _, key in self]


@pytest.fixture
def released() -> Released:
    return Released()


@pytest.fixture
def retries(released: Released, clock: VirtualClock) -> Retries[str]:
    return make_retries(released, clock)


def make_retries(released: Released, clock: VirtualClock) -> Retries[str]:
    bucket = TokenBucket(settings=BucketSettings(rate=RATE, burst=BURST), clock=clock)
    return Retries(bucket=bucket, flow=flow_of, release=released, clock=clock)


@pytest.mark.looptime
async def test_key_comes_back_after_its_rest_while_there_are_tokens(
    retries: Retries[str], released: Released
) -> None:
    retries.rest("a", 7)
    retries.rest("b", 3)

    await asyncio.sleep(100)

    assert released == [(3, "b"), (7, "a")]


@pytest.mark.looptime
async def test_many_keys_come_back_as_a_burst_and_then_at_the_rate(
    retries: Retries[str], released: Released
) -> None:
    for number in range(25):
        retries.rest(str(number), 1)

    await asyncio.sleep(100)

    times = [at for at, _ in released]
    assert times[:BURST] == [1] * BURST
    assert times[BURST:] == pytest.approx([1 + n / RATE for n in range(1, 21)])


@pytest.mark.looptime
async def test_tokens_are_shared_fairly_between_flows(
    retries: Retries[str], released: Released
) -> None:
    for number in range(1000):
        retries.rest(f"big/{number}", 1)
    await asyncio.sleep(2)
    retries.rest("small/1", 0)

    await asyncio.sleep(1)

    before, _, _ = " ".join(released.keys).partition("small/1")
    assert len(before.split()) - BURST - RATE <= 2


@pytest.mark.looptime
async def test_key_that_comes_back_another_way_leaves_no_debt(
    retries: Retries[str], released: Released
) -> None:
    for _ in range(1000):
        retries.rest("fickle", 1)
        retries.cancel("fickle")
    retries.rest("patient", 1)

    await asyncio.sleep(2)

    assert released == [(1, "patient")]


@pytest.mark.looptime
async def test_key_in_line_can_be_called_off(
    retries: Retries[str], released: Released
) -> None:
    for number in range(BURST + 2):
        retries.rest(str(number), 0)
    await asyncio.sleep(0.01)
    retries.cancel("5")
    retries.rest("6", 0)

    await asyncio.sleep(10)

    assert released.keys == ["0", "1", "2", "3", "4", "6"]


@pytest.mark.looptime
async def test_token_that_nobody_waits_for_any_more_is_kept(
    retries: Retries[str], released: Released
) -> None:
    for number in range(BURST + 1):
        retries.rest(str(number), 0)
    await asyncio.sleep(0.01)
    retries.cancel("5")
    await asyncio.sleep(1)

    retries.rest("late", 0)
    await asyncio.sleep(0.01)

    assert released.keys[BURST:] == ["late"]


@pytest.mark.looptime
@pytest.mark.parametrize(
    "failed", [0, 1, BURST + 1], ids=["none", "resting", "in line"]
)
async def test_closed_retries_bring_back_nobody_from_before(
    retries: Retries[str], released: Released, failed: int
) -> None:
    for number in range(failed):
        retries.rest(str(number), 0 if failed > 1 else 5)
    await asyncio.sleep(0.01)
    before = len(released)
    retries.close()
    retries.rest("after", 1)

    await asyncio.sleep(100)

    assert released.keys[before:] == ["after"]


@pytest.mark.looptime
async def test_rest_that_begins_after_a_suspend_has_its_length(
    retries: Retries[str], released: Released, clock: VirtualClock
) -> None:
    clock.suspended += 3600
    retries.rest("a", 7)

    await asyncio.sleep(100)

    assert released == [(7, "a")]


class RetriesMachine(RuleBasedStateMachine):
    """Random failures against a model of who must rest until when."""

    keys = st.builds("{}/{}".format, st.integers(0, 3), st.integers(0, 9))

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.released = Released()
        self.retries = make_retries(self.released, VirtualClock())
        self.due: dict[str, float] = {}
        self.seen = 0

    def run(self, seconds: float, act: Callable[[], None]) -> None:
        """Act on the loop, let time pass, and see who was released."""

        async def act_and_wait() -> None:
            act()
            await asyncio.sleep(seconds)

        self.loop.run_until_complete(act_and_wait())
        for at, key in self.released[self.seen :]:
            assert self.due.pop(key) <= at, "released once, after its rest"
        self.seen = len(self.released)

    @rule(keys=st.sets(keys, min_size=1), delay=st.integers(0, 5))
    def rest(self, keys: set[str], delay: int) -> None:
        for key in keys:
            due = self.loop.time() + delay
            self.due[key] = min(due, self.due.get(key, due))
        self.run(0, lambda: self.rest_all(keys, delay))

    def rest_all(self, keys: set[str], delay: float) -> None:
        for key in keys:
            self.retries.rest(key, delay)

    @rule(key=keys)
    def cancel(self, key: str) -> None:
        self.due.pop(key, None)
        self.run(0, lambda: self.retries.cancel(key))

    @rule(tenths=st.integers(1, 60))
    def wait(self, tenths: int) -> None:
        self.run(tenths / 10, lambda: None)

    @invariant()
    def no_more_are_released_than_tokens_allow(self) -> None:
        times = [at for at, _ in self.released]
        for start, began in enumerate(times):
            in_time = BURST + (times[-1] - began) * RATE
            assert len(times) - start <= in_time + 0.01

    def teardown(self) -> None:
        self.run(5 + 40 / RATE + 1, lambda: None)
        assert self.due == {}, "nobody is forgotten"
        self.retries.close()
        self.loop.close()


TestRetries = RetriesMachine.TestCase
