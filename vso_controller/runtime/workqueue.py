"""A de-duplicating, rate-limited, fair queue of keys, for one event loop.

The queue carries keys, never objects or events, so a worker always reads the
newest state. Reconcilers rely on three promises:

* a key is held by one worker at a time;
* a key added many times before it is taken is handed out once;
* a key added while it is held is handed out again after its release.

A worker is told since when there has been news of its key, so that it can tell which
answers are too old for it. The latest addition counts. A failed key is news of the
moment it failed, however long it rests; one that is due is none, so an answer may be
`CLOCK_TOLERANCE` older; and a turn that follows another begins where that one ended.

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
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vso_controller.foundation.clock import Clock
from vso_controller.runtime.lanes import Lane, Lanes
from vso_controller.runtime.retries import Bucket, Retries
from vso_controller.runtime.scheduler import Scheduler

K = TypeVar("K", bound=Hashable)

CLOCK_TOLERANCE = 0.25
"""Seconds by which those who fall due together may come apart: each reckons its time
from clocks of its own reading. Well below the shortest period there is."""


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


@dataclass(frozen=True, slots=True)
class Turn(Generic[K]):
    """A key in the hands of a worker."""

    key: K
    woken_at: float  # on the monotonic clock: since when there has been news of it


@dataclass(slots=True)
class _Owed:
    """A turn that a key is owed. Times are on the monotonic clock."""

    lane: Lane
    added: float
    woken_at: float
    ready: float  # since when it could be taken


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
        # while it is held. Times are on the monotonic clock.
        self._ready: OrderedDict[K, _Owed] = OrderedDict()  # in order of readiness
        self._held: dict[K, float] = {}  # taken at, in that order
        self._last_taken = -math.inf
        self._again: dict[K, _Owed] = {}
        # The order in which ready keys are handed out; as many as there are ready.
        self._lanes: Lanes[K] = Lanes(flow=flow)
        # What rests is neither ready nor in `_again`.
        self._delayed: Scheduler[K] = Scheduler(wake=self._rested, clock=clock)
        self._retries: Retries[K] = Retries(
            bucket=bucket, flow=flow, release=self._retry, clock=clock
        )
        self._failed: dict[K, float] = {}  # failed at, of those in `_retries`
        self._parked: dict[K, float] = {}  # woken at, of those whom `resume` wakes
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
        return self._clock.monotonic() - next(iter(self._ready.values())).ready

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
        now = self._clock.monotonic()
        is_news = lane is Lane.CHANGED
        self._add(key, lane, woken_at=now if is_news else now - CLOCK_TOLERANCE)

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
            self._failed[key] = self._clock.monotonic()
            self._retries.rest(key, rest)

    def park(self, turn: Turn[K]) -> None:
        """Note that a turn came to nothing yet: that it is resumed is no news."""
        if not self._refuses_rest(turn.key):
            self._parked[turn.key] = turn.woken_at

    def resume(self, key: K, lane: Lane = Lane.CHANGED) -> None:
        """Make a parked key ready now, with no news of it since it was parked."""
        self._add(key, lane, woken_at=self._parked.get(key, self._clock.monotonic()))

    def forget(self, key: K) -> None:
        """Clear the failure history of `key`."""
        self._limiter.forget(key)

    def close(self) -> None:
        """Take in nothing more and drop what rests; what is ready is handed out."""
        self._closed = True
        self._delayed.close()
        self._retries.close()
        self._failed.clear()
        self._parked.clear()
        while self._waiting:
            self._wake_one()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Turn[K]]:
        """Hold the next ready key for the length of the `async with` block.

        Waits for one. Raises QueueClosed when none will come any more.
        """
        key, owed = await self._next_ready()
        # No await between here and the yield: a cancelled worker can lose
        # its turn, never a key.
        taken = self._held[key] = self._last_taken = self._clock.monotonic()
        self._observer.taken(depth=self.depth, waited=taken - owed.added)
        try:
            yield Turn(key, owed.woken_at)
        finally:
            self._release(key)

    async def _next_ready(self) -> tuple[K, _Owed]:
        while not self._ready:
            if self._closed:
                raise QueueClosed
            await self._wait_turn()
        key = self._lanes.pop()
        return key, self._ready.pop(key)

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

    def _retry(self, key: K) -> None:
        self._add(key, Lane.DUE, woken_at=self._failed[key])

    def _refuses_rest(self, key: K) -> bool:
        return self._closed or key in self._ready or key in self._again

    def _add(self, key: K, lane: Lane, *, woken_at: float) -> None:
        if self._closed:
            return
        self._delayed.cancel(key)
        self._retries.cancel(key)
        self._parked.pop(key, None)
        woken_at = max(woken_at, self._failed.pop(key, woken_at))
        owed = self._ready.get(key) or self._again.get(key)
        if owed is None:
            self._add_anew(key, lane, woken_at=woken_at)
            return
        owed.lane = min(lane, owed.lane)
        owed.woken_at = max(woken_at, owed.woken_at)
        if key in self._ready:
            self._lanes.put(key, lane)

    def _add_anew(self, key: K, lane: Lane, *, woken_at: float) -> None:
        now = self._clock.monotonic()
        owed = _Owed(lane, added=now, woken_at=woken_at, ready=now)
        if key in self._held:
            self._again[key] = owed
        else:
            self._make_ready(key, owed)
        self._observer.added(depth=self.depth)

    def _make_ready(self, key: K, owed: _Owed) -> None:
        self._ready[key] = owed
        self._lanes.put(key, owed.lane)
        self._wake_one()

    def _release(self, key: K) -> None:
        now = self._clock.monotonic()
        self._observer.released(worked=now - self._held.pop(key))
        # What this turn has seen, the next one shall not see older.
        if key in self._failed:
            self._failed[key] = now
        if key in self._again:
            owed = self._again.pop(key)
            owed.woken_at = owed.ready = now
            self._make_ready(key, owed)
