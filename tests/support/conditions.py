"""Waiting for something to become true in a server that we cannot hook into.

The only place of the tests with a sleep. Where an event can be awaited, await it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.02  # seconds between two looks


class NotYet(AssertionError):
    """What was looked for is not so, but may become so."""


async def eventually(
    probe: Callable[[], Awaitable[T]], *, within: float, pause: float = _PAUSE
) -> T:
    """Call `probe` until it stops raising AssertionError; return what it returns.

    After `within` seconds the probe is interrupted and AssertionError is raised
    with its last failure. Any other exception of the probe ends the wait at once.
    """
    failures: deque[AssertionError] = deque(maxlen=1)
    deadline = asyncio.timeout(within)
    try:
        async with deadline:
            return await _repeat(probe, pause, failures)
    except TimeoutError as error:
        if not deadline.expired():
            raise  # the probe's own
        last = failures[0] if failures else NotYet("the probe never returned")
        raise AssertionError(f"not so within {within:g} s: {last}") from error


async def _repeat(
    probe: Callable[[], Awaitable[T]], pause: float, failures: deque[AssertionError]
) -> T:
    while True:
        try:
            return await probe()
        except AssertionError as error:
            failures.append(error)
        await asyncio.sleep(pause)
