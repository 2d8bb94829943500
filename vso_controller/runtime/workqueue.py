"""A de-duplicating, rate-limited queue of keys, for one event loop.

The queue carries keys, never objects or events, so a worker always reads the
newest state. Reconcilers rely on three promises:

* a key is held by one worker at a time;
* a key added many times before it is taken is handed out once;
* a key added while it is held is handed out again after its release.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from vso_controller.foundation.clock import Clock

K = TypeVar("K", bound=Hashable)


class QueueClosed(Exception):
    """The queue was closed and has no ready keys left."""


class RateLimiter(Protocol):
    """Says how long a failed key rests before it is tried again."""

    def next_delay(self, key: Hashable) -> float: ...
    def forget(self, key: Hashable) -> None: ...


class QueueObserver(Protocol):
    """Is told what metrics count. Called on the event loop: it must not block."""

    def added(self, *, depth: int) -> None:
        """Tell that a key joined the queue, which holds `depth` keys now."""
        ...

    def taken(self, *, depth: int, waited: float) -> None:
        """Tell that a key was handed out after `waited` seconds in the queue."""
        ...

    def released(self, *, worked: float) -> None:
        """Tell that a key was given back after `worked` seconds with a worker."""
        ...

    def retried(self) -> None:
        """Tell that a key failed and was given its rest."""
        ...


class WorkQueue(Generic[K]):
    """See the module docstring for the promises this class keeps."""

    def __init__(
        self, *, limiter: RateLimiter, observer: QueueObserver, clock: Clock
    ) -> None:
        self._limiter = limiter
        self._observer = observer
        self._clock = clock
        # Each key is in one of `_ready` and `_held` at most, and in `_again` only
        # while it is held. The values are times on the monotonic clock.
        # First in, first out; a plain dict takes linear time to find its first key.
        self._ready: OrderedDict[K, float] = OrderedDict()  # added at
        self._held: dict[K, float] = {}  # taken at
        self._again: dict[K, float] = {}  # added at, while held
        # A resting key has one timer and is neither ready nor in `_again`.
        self._resting: dict[K, asyncio.TimerHandle] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys are ready: those held or resting do not count."""
        return len(self._ready)

    @property
    def longest_wait(self) -> float:
        """Seconds the oldest ready key has waited for a worker; 0 without one."""
        added = next(iter(self._ready.values()), None)
        return 0.0 if added is None else self._clock.monotonic() - added

    @property
    def work_in_progress(self) -> tuple[float, ...]:
        """For each held key, the seconds since it was taken, the longest first."""
        now = self._clock.monotonic()
        return tuple(now - taken for taken in self._held.values())

    def add(self, key: K) -> None:
        """Make `key` ready now, whatever rest it had. A closed queue ignores it."""
        if self._closed:
            return
        self._end_rest(key)
        if key in self._ready or key in self._again:
            return
        added = self._clock.monotonic()
        if key in self._held:
            self._again[key] = added
        else:
            self._make_ready(key, added)
        self._observer.added(depth=len(self._ready))

    def add_after(self, key: K, delay: float) -> None:
        """Make `key` ready in `delay` seconds, unless it is sooner anyway."""
        if delay <= 0:
            self.add(key)
            return
        if self._closed or key in self._ready or key in self._again:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        pending = self._resting.get(key)
        if pending is not None and pending.when() <= due:
            return
        self._end_rest(key)
        self._resting[key] = loop.call_at(due, self.add, key)

    def add_failed(self, key: K, *, at_least: float = 0.0) -> None:
        """Make `key` ready after the rest its rate limiter asks for.

        `at_least` is a rest in seconds that somebody else asked for.
        """
        self._observer.retried()
        self.add_after(key, max(self._limiter.next_delay(key), at_least))

    def forget(self, key: K) -> None:
        """Clear the failure history of `key`."""
        self._limiter.forget(key)

    def close(self) -> None:
        """Take in nothing more and drop what rests; what is ready is handed out."""
        self._closed = True
        for timer in self._resting.values():
            timer.cancel()
        self._resting.clear()
        while self._waiting:
            self._wake_one()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[K]:
        """Hold the next ready key for the length of the `async with` block.

        Waits for one. Raises QueueClosed when none will come any more.
        """
        key, added = await self._next_ready()
        # No await between here and the yield: a cancelled worker can lose
        # its turn, never a key.
        taken = self._held[key] = self._clock.monotonic()
        self._observer.taken(depth=len(self._ready), waited=taken - added)
        try:
            yield key
        finally:
            self._release(key)

    async def _next_ready(self) -> tuple[K, float]:
        while not self._ready:
            if self._closed:
                raise QueueClosed
            await self._wait_turn()
        return self._ready.popitem(last=False)

    async def _wait_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                # It was woken for a key it will not take: somebody else must.
                self._wake_one()
            raise

    def _wake_one(self) -> None:
        # One waiter for one key: waking all would cost every worker a step.
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # done: cancelled while it waited
                turn.set_result(None)
                return

    def _make_ready(self, key: K, added: float) -> None:
        self._ready[key] = added
        self._wake_one()

    def _end_rest(self, key: K) -> None:
        timer = self._resting.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _release(self, key: K) -> None:
        self._observer.released(worked=self._clock.monotonic() - self._held.pop(key))
        added = self._again.pop(key, None)
        if added is not None:
            self._make_ready(key, added)
