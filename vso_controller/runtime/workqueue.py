"""A de-duplicating, rate-limited, fair queue of keys, for one event loop.

The queue carries keys, never objects or events, so a worker always reads the
newest state. Reconcilers rely on three promises:

* a key is held by one worker at a time;
* a key added many times before it is taken is handed out once;
* a key added while it is held is handed out again after its release.

What was changed goes before what is merely due, and neither starves (see `lanes`);
in each lane flows take turns, so that nobody waits behind the many keys of another
(see `fairline`). Each operation takes constant time, a rest logarithmic.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from vso_controller.foundation.clock import Clock
from vso_controller.runtime.lanes import Lane, Lanes
from vso_controller.runtime.retries import Bucket, Retries
from vso_controller.runtime.scheduler import Scheduler

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
        """Tell that a key joined the queue, which has that depth now."""
        ...

    def taken(self, *, depth: int, waited: float) -> None:
        """Tell that a key was handed out `waited` seconds after it was added."""
        ...

    def released(self, *, worked: float) -> None:
        """Tell that a key was given back after `worked` seconds with a worker."""
        ...

    def retried(self) -> None:
        """Tell that a key failed and was given its rest."""
        ...


class WorkQueue(Generic[K]):
    """See the module docstring for the promises this class keeps.

    `flow` says to which flow a key belongs; flows share the queue fairly.
    """

    def __init__(
        self,
        *,
        limiter: RateLimiter,
        bucket: Bucket,
        flow: Callable[[K], Hashable],
        observer: QueueObserver,
        clock: Clock,
    ) -> None:
        self._limiter = limiter
        self._observer = observer
        self._clock = clock
        # Each key is in one of `_ready` and `_held` at most, and in `_again` only
        # while it is held. The values are times on the monotonic clock.
        # In order of becoming ready: added at, ready since.
        self._ready: OrderedDict[K, tuple[float, float]] = OrderedDict()
        self._held: dict[K, float] = {}  # taken at, in that order
        self._last_taken = -math.inf
        self._again: dict[K, tuple[Lane, float]] = {}  # added at, while held
        # The order in which ready keys are handed out; as many as there are ready.
        self._lanes: Lanes[K] = Lanes(flow=flow)
        # What rests is neither ready nor in `_again`.
        self._delayed: Scheduler[K] = Scheduler(wake=self._rested, clock=clock)
        self._retries: Retries[K] = Retries(
            bucket=bucket, flow=flow, release=self._rested, clock=clock
        )
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys are ready: those held or resting do not count."""
        return len(self._ready)

    @property
    def depth(self) -> int:
        """How many turns are owed: ready keys, and held ones that were added again."""
        return len(self._ready) + len(self._again)

    @property
    def longest_wait(self) -> float:
        """Seconds since a ready key could have been taken, at most; 0 without one."""
        if not self._ready:
            return 0.0
        _, since = next(iter(self._ready.values()))
        return self._clock.monotonic() - since

    @property
    def stalled_for(self) -> float:
        """Seconds for which a key could be taken and none was; 0 if none could.

        However many keys wait, it is short while workers come back for the next.
        """
        if not self._ready:
            return 0.0
        return min(self.longest_wait, self._clock.monotonic() - self._last_taken)

    @property
    def longest_running(self) -> float:
        """Seconds for which a key has been held, at most; 0 without one."""
        if not self._held:
            return 0.0
        return self._clock.monotonic() - next(iter(self._held.values()))

    @property
    def unfinished_work(self) -> float:
        """Seconds for which keys have been held in all that are held now."""
        now = self._clock.monotonic()
        return sum((now - taken for taken in self._held.values()), start=0.0)

    def add(self, key: K, lane: Lane = Lane.CHANGED) -> None:
        """Make `key` ready now, whatever rest it had. A closed queue ignores it.

        A key that waits in the due lane moves up when it is added as changed.
        """
        if self._closed:
            return
        self._delayed.cancel(key)
        self._retries.cancel(key)
        if key in self._ready:
            self._lanes.put(key, lane)
        elif key in self._again:
            before, added = self._again[key]
            self._again[key] = min(lane, before), added
        else:
            self._add_anew(key, lane)

    def add_after(self, key: K, delay: float) -> None:
        """Make `key` ready in `delay` seconds, unless it is sooner anyway."""
        if delay <= 0:
            self.add(key, Lane.DUE)
        elif not self._refuses_rest(key):
            self._delayed.bring_forward(key, self._clock.boot() + delay)

    def add_failed(self, key: K, *, at_least: float = 0.0) -> None:
        """Make `key` ready after the rest its rate limiter asks for, or a bit later.

        `at_least` is a rest in seconds that somebody else asked for. After it the
        key has to wait for a token, as all failed keys have.
        """
        self._observer.retried()
        rest = max(self._limiter.next_delay(key), at_least)
        if not self._refuses_rest(key):
            self._retries.rest(key, rest)

    def forget(self, key: K) -> None:
        """Clear the failure history of `key`."""
        self._limiter.forget(key)

    def close(self) -> None:
        """Take in nothing more and drop what rests; what is ready is handed out."""
        self._closed = True
        self._delayed.close()
        self._retries.close()
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
        taken = self._held[key] = self._last_taken = self._clock.monotonic()
        self._observer.taken(depth=self.depth, waited=taken - added)
        try:
            yield key
        finally:
            self._release(key)

    async def _next_ready(self) -> tuple[K, float]:
        while not self._ready:
            if self._closed:
                raise QueueClosed
            await self._wait_turn()
        key = self._lanes.pop()
        added, _ = self._ready.pop(key)
        return key, added

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

    def _rested(self, key: K) -> None:
        self.add(key, Lane.DUE)

    def _refuses_rest(self, key: K) -> bool:
        return self._closed or key in self._ready or key in self._again

    def _add_anew(self, key: K, lane: Lane) -> None:
        added = self._clock.monotonic()
        if key in self._held:
            self._again[key] = lane, added
        else:
            self._make_ready(key, lane, added=added, since=added)
        self._observer.added(depth=self.depth)

    def _make_ready(self, key: K, lane: Lane, *, added: float, since: float) -> None:
        self._ready[key] = added, since
        self._lanes.put(key, lane)
        self._wake_one()

    def _release(self, key: K) -> None:
        now = self._clock.monotonic()
        self._observer.released(worked=now - self._held.pop(key))
        if key in self._again:
            lane, added = self._again.pop(key)
            self._make_ready(key, lane, added=added, since=now)
