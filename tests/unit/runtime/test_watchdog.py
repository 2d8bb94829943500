"""A loop that does not turn. Virtual time, but where a real thread has to look."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from tests.unit.runtime.virtual import VirtualClock
from vso_controller.foundation.clock import SystemClock
from vso_controller.runtime.gate import LeaseGate
from vso_controller.runtime.watchdog import Watchdog, WatchdogTiming, _standing

SECONDS = 5.0
"""More than a thread takes that has something to tell."""


@dataclass
class Beats:
    """What a watchdog told its observer."""

    late: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    def event_loop_turned(self, *, late: float, blocked: bool) -> None:
        self.late.append(late)
        if blocked:
            self.blocks.append(late)


@dataclass
class Watched:
    """A watchdog, and the loop it watches."""

    dog: Watchdog
    clock: VirtualClock
    beats: Beats
    gate: LeaseGate

    def block(self, seconds: float) -> None:
        """Have time pass in which the loop does not turn, and look at the end of it."""
        self.clock.suspended += seconds
        self.dog.look()

    async def turn(self) -> None:
        """Let the loop turn to the next heartbeat."""
        await asyncio.sleep(1)


@asynccontextmanager
async def watched(clock: VirtualClock) -> AsyncIterator[Watched]:
    """Have the loop of a leader beat, under a watchdog that looks when it is told to.

    On a virtual clock a blocked loop is what a suspend is: time that it did not see.
    """
    gate, beats = LeaseGate(clock=clock, margin=2.5), Beats()
    dog = Watchdog(
        clock=clock,
        timing=WatchdogTiming(blocked_after=1, stuck_after=10),
        stuck=gate.close,
        observer=beats,
    )
    dog.begin()
    gate.open_until(clock.boot() + 15, asked=clock.boot())
    async with asyncio.TaskGroup() as group:
        beat = group.create_task(dog.beat())
        await asyncio.sleep(0.5)
        yield Watched(dog, clock, beats, gate)
        beat.cancel()


@pytest.mark.looptime
async def test_loop_that_turns_is_no_news(clock: VirtualClock) -> None:
    with capture_logs() as lines:
        async with watched(clock) as loop:
            for _ in range(60):
                await loop.turn()
                loop.dog.look()

    assert lines == []
    assert loop.beats.late == [pytest.approx(0)] * 60
    assert loop.beats.blocks == []


@pytest.mark.looptime
async def test_block_is_told_once_and_its_end_once(clock: VirtualClock) -> None:
    with capture_logs() as lines:
        async with watched(clock) as loop:
            loop.block(1)
            assert lines == [], "as late as the heartbeat may be"
            for _ in range(5):
                loop.block(1)
            await loop.turn()
            loop.dog.look()

    assert [(line["event"], line["seconds"]) for line in lines] == [
        ("event_loop_blocked", 1.5),
        ("event_loop_turned_again", 6),
    ]
    assert loop.beats.blocks == [pytest.approx(6)]


@pytest.mark.looptime
async def test_each_block_is_told(clock: VirtualClock) -> None:
    with capture_logs() as lines:
        async with watched(clock) as loop:
            for _ in range(2):
                loop.block(3)
                await loop.turn()

    assert [line["event"] for line in lines] == [
        "event_loop_blocked",
        "event_loop_turned_again",
    ] * 2


@pytest.mark.looptime
async def test_block_that_stopped_the_whole_process_is_told_as_that(
    clock: VirtualClock,
) -> None:
    with capture_logs() as lines:
        async with watched(clock) as loop:
            loop.block(1)
            loop.block(1)
            await loop.turn()
            loop.block(3600)

    told = [line["whole_process"] for line in lines if "whole_process" in line]
    assert told == [False, True]


@pytest.mark.looptime
async def test_block_that_nobody_saw_is_told_when_it_is_over(
    clock: VirtualClock,
) -> None:
    """C code that holds the interpreter holds up the watchdog, too."""
    with capture_logs() as lines:
        async with watched(clock) as loop:
            clock.suspended += 7
            await loop.turn()

    assert [line["event"] for line in lines] == ["event_loop_turned_again"]
    assert loop.beats.blocks == [pytest.approx(7)]


@pytest.mark.looptime
async def test_gate_stays_open_while_a_leader_may_go_without_renewal(
    clock: VirtualClock,
) -> None:
    async with watched(clock) as loop:
        for _ in range(10):
            loop.block(1)

        assert loop.gate.is_open


@pytest.mark.looptime
async def test_block_of_a_leader_closes_the_gate_for_what_is_under_way(
    clock: VirtualClock,
) -> None:
    async with watched(clock) as loop:
        asked = clock.boot()
        for _ in range(11):
            loop.block(1)
        assert not loop.gate.is_open

        loop.gate.open_until(asked + 15, asked=asked)
        assert not loop.gate.is_open

        await loop.turn()
        loop.gate.open_until(clock.boot() + 15, asked=clock.boot())
        assert loop.gate.is_open


@pytest.mark.looptime
async def test_heartbeat_that_ended_is_told(clock: VirtualClock) -> None:
    async with watched(clock) as loop:
        assert loop.dog.is_beating

    assert not loop.dog.is_beating


async def test_blocked_loop_is_told_where_it_stands_and_shut_out() -> None:
    shut = threading.Event()
    dog = Watchdog(
        clock=SystemClock(),
        timing=WatchdogTiming(blocked_after=0.01, stuck_after=0.05),
        stuck=shut.set,
        observer=Beats(),
    )

    with capture_logs() as lines:
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(dog.beat())
            with dog.watching():
                await asyncio.sleep(0)
                assert shut.wait(SECONDS), "a blocking call, on the loop"
            beat.cancel()

    told = next(line for line in lines if line["event"] == "event_loop_blocked")
    innermost, *callers = told["where"]
    assert "threading.py:" in innermost
    here = "test_blocked_loop_is_told_where_it_stands_and_shut_out"
    assert any(each.endswith(f":{here}") for each in callers)
    assert all(each.count(":") == 2 for each in told["where"]), "no values"


async def test_thread_ends_with_the_block() -> None:
    dog = Watchdog(
        clock=SystemClock(),
        timing=WatchdogTiming(),
        stuck=lambda: None,
        observer=Beats(),
    )

    with dog.watching():
        (thread,) = [each for each in threading.enumerate() if each.name == "watchdog"]
        assert thread.daemon, "one that hangs must not keep the process"

    assert not thread.is_alive()


def test_thread_that_is_gone_stands_nowhere() -> None:
    assert _standing(0) == []
