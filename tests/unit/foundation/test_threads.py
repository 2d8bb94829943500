"""Threads that nobody waits for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from threading import Event

import pytest

from vso_controller.foundation.threads import AbandonedThreads

LONG = 5.0  # seconds; none of these tests takes so long unless it fails


@pytest.fixture
def gate() -> Iterator[Event]:
    """What blocking calls wait for."""
    event = Event()
    yield event
    event.set()


def test_call_returns_and_raises_as_it_would_by_itself() -> None:
    threads = AbandonedThreads(2)

    assert threads.submit(divmod, 7, 2).result(LONG) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result(LONG)


def test_no_more_calls_run_at_once_than_are_allowed(gate: Event) -> None:
    threads = AbandonedThreads(2)
    begun: list[int] = []

    def block(number: int) -> None:
        begun.append(number)
        gate.wait(LONG)

    calls = [threads.submit(block, number) for number in range(5)]
    assert not wait(calls, timeout=0.05).done
    assert len(begun) == 2
    gate.set()

    assert not wait(calls, timeout=LONG).not_done
    assert sorted(begun) == [0, 1, 2, 3, 4]


def test_threads_that_ended_make_room_for_others() -> None:
    threads = AbandonedThreads(1)

    assert [threads.submit(abs, -n).result(LONG) for n in range(20)] == list(range(20))


def test_call_that_was_cancelled_while_it_waited_is_not_made(gate: Event) -> None:
    threads = AbandonedThreads(1)
    made: list[str] = []
    threads.submit(gate.wait, LONG)
    second = threads.submit(made.append, "second")
    third = threads.submit(made.append, "third")

    assert second.cancel()
    gate.set()

    third.result(LONG)
    assert made == ["third"]
    with pytest.raises(CancelledError):
        second.result()


def test_loop_that_ends_does_not_wait_for_a_call_under_way(gate: Event) -> None:
    async def leave_behind() -> float:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(AbandonedThreads(1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(gate.wait, LONG)
        began = loop.time()
        await loop.shutdown_default_executor()
        return loop.time() - began

    assert asyncio.run(leave_behind()) < LONG / 2


def test_process_that_ends_does_not_wait_for_a_call_under_way() -> None:
    program = (
        "import time;"
        "from vso_controller.foundation.threads import AbandonedThreads;"
        "AbandonedThreads(1).submit(time.sleep, 60)"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=LONG)  # noqa: S603 - our own
