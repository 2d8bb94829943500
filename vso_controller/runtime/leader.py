"""Leader election over one Lease.

The protocol is client-go's: who holds the lease renews it, who does not watches
it change and takes it when it did not for as long as it lasts. How long that is
gets measured on this machine alone; times that others wrote are never compared
with ours. The election makes it likely that there is one leader, no more than
that; what keeps a former one from writing is the gate and the server's check of
resource versions.

How long nobody leads, requests aside: a lease that is given back is taken within
`retry_period`, one that is not renewed any more within that and the time it lasts,
counted from its last renewal.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from random import Random

import structlog

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.leases import LeaseChanged, LeaseRecord
from vso_controller.foundation.tasks import stop_when
from vso_controller.runtime.gate import LeaseGate
from vso_controller.runtime.ports import LeaseStore

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

RELEASED_DURATION = 1.0
"""Seconds a released lease is said to last, as client-go says it."""

LONGEST_RELEASE = 2.0
"""Seconds that giving the lease back may hold up the end of the process. If it fails,
others have to wait for the end of the lease, that is all."""

_MOST_TRANSITIONS = 2**31 - 1

_SHORTEST_REST = 0.5


@dataclass(frozen=True, slots=True)
class LeaderTiming:
    """The durations of an election, in seconds. Raises ValueError if they clash."""

    lease_duration: float = 15.0
    """A lease that was not renewed for so long may be taken."""
    renew_deadline: float = 10.0
    """A leader that could not renew for so long ceases to lead."""
    retry_period: float = 2.0
    """The rest of a leader between two tries, and the longest of a standby."""

    def __post_init__(self) -> None:
        if not 0 < self.retry_period < self.renew_deadline < self.lease_duration:
            raise ValueError(
                f"a lease of {self.lease_duration:g} s must outlast the renew deadline "
                f"({self.renew_deadline:g} s), and that the longest rest between two "
                f"tries ({self.retry_period:g} s)"
            )

    def standby_rest(self, random: Random) -> float:
        """Return the seconds from one look of a standby to its next.

        At random, so that several standbys do not go on looking all at once. What is
        drawn makes a rest shorter: it is during the longest that nobody leads.
        """
        return self.retry_period * random.uniform(_SHORTEST_REST, 1)


class _Standing(Enum):
    """Whose the lease is after a try."""

    OURS = auto()
    THEIRS = auto()
    UNKNOWN = auto()


def _count(record: LeaseRecord) -> int:
    """Return how often the lease has changed hands, now that it does once more."""
    # The server keeps 32 bits, and refuses what does not fit.
    return min(max(record.transitions, 0) + 1, _MOST_TRANSITIONS)


def new_identity(hostname: str, random: Random) -> str:
    """Name one candidate: two processes on one host are two candidates."""
    return f"{hostname}_{random.getrandbits(64):016x}"


class LeaderElector:
    """One candidate. `run` is its life."""

    def __init__(
        self,
        *,
        identity: str,
        leases: LeaseStore,
        gate: LeaseGate,
        clock: Clock,
        random: Random,
        timing: LeaderTiming,
    ) -> None:
        self.identity = identity
        self._leases = leases
        self._gate = gate
        self._clock = clock
        self._random = random
        self._timing = timing
        # Our record as it is stored, None unless the last try gave it to us.
        self._mine: LeaseRecord | None = None
        self._renewed_at = -math.inf  # boot clock, before the request left
        # Somebody else's record, and when it may be taken, on the boot clock, unless
        # it changes.
        self._observed: LeaseRecord | None = None
        self._lapses_at = -math.inf

    @property
    def is_leading(self) -> bool:
        """Whether this process leads, for metrics and probes; writes ask the gate."""
        return self._gate.is_open

    async def run(
        self, lead: Callable[[], Awaitable[None]], *, stop: asyncio.Event
    ) -> None:
        """Run `lead()` whenever this process leads, until one of them returns.

        When the lease is lost, `lead()` is cancelled and the candidate stands again,
        but not once `stop` is set: to end a `lead()` that runs then is its own affair.
        However this ends, a lease that is held is released, after `lead()` ended.
        An exception of `lead()` is raised in an exception group.
        """
        try:
            while True:
                await self._acquire()
                log.info("leadership_acquired", identity=self.identity)
                if await self._lead(lead):
                    return
                log.warning("leadership_lost", identity=self.identity)
                if stop.is_set():
                    return
        finally:
            self._gate.close()
            await self._release()

    async def _acquire(self) -> None:
        while await self._try(self._request_timeout) is not _Standing.OURS:
            rest = self._rest()
            await asyncio.sleep(rest)

    def _rest(self) -> float:
        """Return the seconds to the next look: until the lease lapses, at most."""
        rest = self._timing.standby_rest(self._random)
        left = self._lapses_at - self._clock.boot()
        # One that has lapsed, and could not be taken, is no reason to hurry.
        return min(rest, left) if left > 0 else rest

    async def _lead(self, lead: Callable[[], Awaitable[None]]) -> bool:
        """Run `lead()` to its end and return True, or until the lease is lost."""
        lost = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            renewal = group.create_task(self._renew(lost))
            await stop_when(lost, lead())
            renewal.cancel()
        return not lost.is_set()

    async def _renew(self, lost: asyncio.Event) -> None:
        """Renew the lease until that fails for too long or it is somebody else's.

        Who closes the gate ends the leadership, too.
        """
        while (left := self._time_left()) > 0:
            await asyncio.sleep(min(self._timing.retry_period, left))
            # Asked again, since this machine may have slept for longer than we did.
            left = min(self._time_left(), self._request_timeout)
            if left <= 0 or await self._try(left) is _Standing.THEIRS:
                break
        self._gate.close()
        lost.set()

    def _time_left(self) -> float:
        """Return the seconds for which this process may lead without a renewal."""
        if not self._gate.is_open:
            return 0.0
        deadline = self._renewed_at + self._timing.renew_deadline
        return deadline - self._clock.boot()

    @property
    def _request_timeout(self) -> float:
        # A request that hangs must leave time for another try.
        return self._timing.renew_deadline / 2

    async def _try(self, within: float) -> _Standing:
        """Try once to get or keep the lease, in `within` seconds."""
        try:
            async with asyncio.timeout(within):
                return await self._claim()
        except (OperationFailed, TimeoutError) as error:
            log.warning(
                "lease_request_failed", identity=self.identity, error=str(error)
            )
            return _Standing.UNKNOWN

    async def _claim(self) -> _Standing:
        # A leader spares itself the reading. If its record is not what is stored
        # any more, the update is refused, and what is stored says who leads.
        record, self._mine = self._mine, None
        if record is not None:
            with suppress(LeaseChanged):
                return await self._hold(record)
        record = await self._leases.read()
        if record is not None and not self._may_take(record):
            return _Standing.THEIRS
        return await self._hold(record)

    async def _hold(self, record: LeaseRecord | None) -> _Standing:
        """Make the lease ours, from what is stored: `record`, None for nothing."""
        asked = self._clock.boot()
        self._mine = await self._store(record)
        self._renewed_at = asked
        self._gate.open_until(asked + self._timing.lease_duration, asked=asked)
        return _Standing.OURS

    def _may_take(self, record: LeaseRecord) -> bool:
        """Note what the record says; return whether nobody else holds the lease."""
        if record.holder in {"", self.identity}:
            return True
        if record != self._observed:
            self._observed = record
            self._lapses_at = self._clock.boot() + self._length(record)
        return self._clock.boot() >= self._lapses_at

    def _length(self, record: LeaseRecord) -> float:
        """Return the seconds a lease lasts, by default as long as ours."""
        written = record.duration
        is_sound = written > 0 and math.isfinite(written)
        return written if is_sound else self._timing.lease_duration

    async def _store(self, record: LeaseRecord | None) -> LeaseRecord:
        """Write our name over `record`, or into a new one. Return it as stored."""
        now = self._clock.now()
        if record is None:
            return await self._leases.create(
                LeaseRecord(
                    holder=self.identity,
                    duration=self._timing.lease_duration,
                    acquired=now,
                    renewed=now,
                    transitions=0,
                )
            )
        kept = record.holder == self.identity
        return await self._leases.update(
            replace(
                record,
                holder=self.identity,
                duration=self._timing.lease_duration,
                acquired=record.acquired if kept else now,
                renewed=now,
                transitions=record.transitions if kept else _count(record),
            )
        )

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(min(LONGEST_RELEASE, self._request_timeout)):
                await self._give_back()
        except (OperationFailed, TimeoutError) as error:
            log.warning("lease_not_released", identity=self.identity, error=str(error))

    async def _give_back(self) -> None:
        # Read again: a try that was cut short may have been stored all the same.
        record = await self._leases.read()
        if record is None or record.holder != self.identity:
            return
        now = self._clock.now()
        await self._leases.update(
            replace(
                record,
                holder="",
                duration=RELEASED_DURATION,
                acquired=now,
                renewed=now,
            )
        )
        log.info("lease_released", identity=self.identity)
