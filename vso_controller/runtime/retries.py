"""Failed keys on their way back: each rests, then all pass through one bucket.

A rest is a key's own; the bucket bounds what all keys together may retry, so that
ten thousand keys that fail for one reason do not all come back as often as one
would. A token is taken when a rest is over and not, as client-go does, reserved
when the key fails: who comes back another way leaves no debt behind, and while
tokens are scarce the flows share them fairly (see `fairline`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from vso_controller.foundation.clock import Clock
from vso_controller.runtime.fairline import FairLine
from vso_controller.runtime.scheduler import Scheduler

K = TypeVar("K", bound=Hashable)


class Bucket(Protocol):
    """Bounds how many keys are retried."""

    def take(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        ...


class Retries(Generic[K]):
    """Calls `release(key)` once for each key that has rested, as tokens allow.

    `release` must neither block nor raise.
    """

    def __init__(
        self,
        *,
        bucket: Bucket,
        flow: Callable[[K], Hashable],
        release: Callable[[K], None],
        clock: Clock,
    ) -> None:
        self._bucket = bucket
        self._release = release
        # Each key is in one of the two at most.
        self._resting: Scheduler[K] = Scheduler(wake=self._line_up, clock=clock)
        self._line: FairLine[K] = FairLine(flow=flow)  # rested, without a token
        # While the line has keys, a timer runs until there is a token.
        self._timer: asyncio.TimerHandle | None = None
        self._clock = clock

    def rest(self, key: K, delay: float) -> None:
        """Let `key` rest for `delay` seconds, unless its rest ends sooner anyway."""
        if key not in self._line:
            self._resting.bring_forward(key, self._clock.boot() + delay)

    def cancel(self, key: K) -> None:
        """Do not bring `key` back. It is no error if it was not on its way."""
        self._resting.cancel(key)
        self._line.remove(key)

    def close(self) -> None:
        """Bring back nobody."""
        self._resting.close()
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _line_up(self, key: K) -> None:
        self._line.push(key)
        if self._timer is None:
            self._advance()

    def _advance(self) -> None:
        self._timer = None
        while self._line:
            wait = self._bucket.take()
            if wait > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(wait, self._advance)
                return
            self._release(self._line.pop())
