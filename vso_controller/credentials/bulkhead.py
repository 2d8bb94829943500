"""The turns of asking one Vault, and the line of those who wait for one.

Who finds no room is told so at once (`Parked`) and holds no worker while it waits: its
key stays in line and is woken when there is a turn for it. A turn is kept for who was
woken, a few seconds, so that newcomers do not overtake for ever. Renewals go before
reads, and within each the namespaces take turns.

A bulkhead belongs to a VaultConnection and outlives its clients: a client that is
replaced leaves its line behind. `waiting` keys are each in line once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vso_controller.credentials.workers import Workers
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    LOST_WAKE,
    OperationFailed,
    Parked,
    Transient,
)
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.fairline import FairLine
from vso_controller.runtime.lanes import Lane
from vso_controller.vault.breaker import FAULTS
from vso_controller.vault.bulkhead import Admission, Guarded, Priority
from vso_controller.vault.errors import LoginUnanswered, ServerBusy
from vso_controller.vault.ports import Transport

_OF_AN_OUTAGE = (Parked, LoginUnanswered, *FAULTS)

_TIMER_SLACK = 0.01  # seconds; a timer may fire a moment before its time

RESERVED_FOR = 5.0
"""Seconds for which a turn is kept for who was woken to take it."""

Wake = Callable[[ObjectKey, Lane], None]
"""Has a key looked at. Must neither block nor raise."""


@dataclass(frozen=True, slots=True)
class Wakes:
    """Who is told what of a bulkhead."""

    connection: Wake  # a VaultConnection: probe it
    session: Wake  # a session: its renewal may have a turn
    consumer: Wake
    """A resource: its read may have a turn, or it has to tell of an outage. That is no
    news of the resource: what was asked since it was parked will do."""


@dataclass(frozen=True, slots=True)
class BulkheadTiming:
    """What the settings say of every bulkhead."""

    most_reads: int
    """How many reads of one Vault are under way at most."""
    probe_rest: float
    """Seconds between two probes of a Vault that does not serve."""


@dataclass(frozen=True, slots=True)
class _Party:
    """Who takes a turn: a session that renews, or a resource that reads."""

    priority: Priority
    key: ObjectKey

    @property
    def namespace(self) -> str:
        return self.key.namespace


@dataclass(slots=True)
class _Wait:
    since: float  # on the loop's clock
    was_told: bool  # whether it knows of a failure for which it waits


@dataclass(frozen=True, slots=True)
class _Turn:
    """A place with an admission, taken or kept for somebody."""

    admission: Admission
    priority: Priority
    kept_until: float  # on the loop's clock; of no meaning once it is taken


class Bulkhead:
    """See the module docstring. Lives on one event loop, and never waits."""

    def __init__(
        self,
        *,
        about: ObjectKey,
        timing: BulkheadTiming,
        workers: Workers,
        wakes: Wakes,
        clock: Clock,
    ) -> None:
        self._about = about
        self._timing = timing
        self._workers = workers
        self._readers = 0  # workers that a read has, or will have when it comes
        self._wakes = wakes
        self._clock = clock
        self._admission = self._new_admission()
        # A party is in one of these two at most. Nobody is in line while there is
        # room for it: whatever makes room hands it out.
        self._lines: dict[Priority, FairLine[_Party]] = {
            priority: FairLine(flow=lambda party: party.namespace)
            for priority in Priority
        }
        self._kept: OrderedDict[_Party, _Turn] = OrderedDict()  # the oldest first
        self._waits: dict[_Party, _Wait] = {}  # of those in line
        self._was_open = False  # as of the last time that conclusions were drawn
        # Runs while a turn is kept or a pause keeps somebody in line.
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody may ask, and all who come are parked."""
        return self._admission.breaker.is_open

    @property
    def limit(self) -> int:
        """How many reads may be under way at once now."""
        return self._admission.limit

    @property
    def inside(self) -> int:
        """How many turns are taken, or kept for who was woken."""
        return self._admission.inside

    @property
    def waiting(self) -> int:
        """How many keys are in line."""
        return len(self._waits)

    @property
    def since_probe(self) -> float:
        """Seconds since the last probe began; infinite before the first one."""
        return self._admission.breaker.since_probe

    @property
    def is_suspect(self) -> bool:
        """Whether the last thing that is known of Vault is that it failed."""
        return self._admission.breaker.is_suspect

    @property
    def until_probe(self) -> float:
        """Seconds until a Vault that is suspect may be probed again."""
        return self._admission.breaker.until_probe

    def guard(self, client: Transport) -> Transport:
        """Return `client` as it may be used, and begin anew: Vault may be another.

        What is still under way over the client before tells nothing about this one.
        """
        admission = self._admission = self._new_admission()
        self._hand_out()
        return Guarded(
            transport=client,
            admission=admission,
            noted=lambda: self._noted(admission),
        )

    @contextmanager
    def turn(self, key: ObjectKey, priority: Priority) -> Iterator[None]:
        """Have a turn for the length of the block.

        Raises Parked if there is none now, or if the breaker opens meanwhile: then
        `key` is in line and will be woken.
        """
        party = _Party(priority, key)
        turn = self._take(party)
        try:
            yield
        except Transient as error:
            if not self.is_open or not isinstance(error, _OF_AN_OUTAGE):
                raise
            raise self._park(party) from error
        finally:
            self._give_back(turn)
            self._hand_out()

    @contextmanager
    def probing(self) -> Iterator[None]:
        """Have a probe under way for the length of the block; see `Admission.probing`.

        What it finds out is told to those in line: one that ends well wakes them by
        and by.
        """
        admission = self._admission
        try:
            with admission.probing():
                yield
        finally:
            self._settle()

    def shut(self, failure: OperationFailed) -> None:
        """Have nobody ask until a probe ends well, or there is another client."""
        self._admission.shut(failure)
        self._conclude()

    def park(self, key: ObjectKey, priority: Priority) -> Parked:
        """Put `key` in line behind a breaker that is open; return what to raise."""
        return self._park(_Party(priority, key))

    def forget(self, key: ObjectKey, priority: Priority) -> None:
        """Take a key out of line that will not come any more."""
        party = _Party(priority, key)
        self._leave_line(party)
        kept = self._kept.pop(party, None)
        if kept is not None:
            self._give_back(kept)
            self._hand_out()

    def close(self) -> None:
        """Wake nobody any more."""
        for line in self._lines.values():
            line.clear()
        self._waits.clear()
        while self._kept:
            _, turn = self._kept.popitem()
            self._give_back(turn)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _new_admission(self) -> Admission:
        return Admission(
            maximum=self._timing.most_reads,
            probe_rest=self._timing.probe_rest,
            clock=self._clock,
        )

    def _take(self, party: _Party) -> _Turn:
        turn = self._kept.pop(party, None)
        if turn is not None:
            if turn.admission is self._admission and not self.is_open:
                return turn
            self._give_back(turn)
        if not self._has_room(party.priority):
            raise self._park(party)
        self._leave_line(party)
        return self._enter(party.priority)

    def _has_room(self, priority: Priority) -> bool:
        """Whether there is a turn; who renews has workers that nobody else needs."""
        return self._admission.has_room(priority) and (
            priority is Priority.RENEWAL
            or self._workers.allow(held=self._readers, told=self._hand_out)
        )

    def _enter(self, priority: Priority) -> _Turn:
        self._admission.enter(priority)
        if priority is Priority.READ:
            self._workers.take()
            self._readers += 1
        until = self._clock.monotonic() + RESERVED_FOR
        return _Turn(self._admission, priority, until)

    def _give_back(self, turn: _Turn) -> None:
        turn.admission.leave(turn.priority)
        if turn.priority is Priority.READ:
            self._readers -= 1
            self._workers.give_back()

    def _park(self, party: _Party) -> Parked:
        now = self._clock.monotonic()
        wait = self._waits.setdefault(party, _Wait(since=now, was_told=False))
        self._lines[party.priority].push(party)
        self._set_timer()
        failure = self._admission.breaker.failure
        if failure is not None:
            wait.was_told = True
            return Parked(
                f"VaultConnection {self._about}: not asked until it serves: {failure}",
                failure=failure,
            )
        message = f"VaultConnection {self._about}: waiting for a turn to ask Vault"
        if now - wait.since < LOST_WAKE:
            return Parked(message)
        return Parked(
            message,
            failure=ServerBusy(
                f"{message}, for minutes: it is slow, or asks for fewer requests"
            ),
        )

    def _noted(self, admission: Admission) -> None:
        if admission is self._admission:  # else over a client that was replaced
            self._conclude()

    def _conclude(self) -> None:
        """Have Vault probed if it has just come to look bad, and see to the line."""
        breaker = self._admission.breaker
        has_opened = breaker.is_open and not self._was_open
        if has_opened or (breaker.is_suspect and not breaker.until_probe):
            self._wakes.connection(self._about, Lane.CHANGED)
        self._settle()

    def _settle(self) -> None:
        self._was_open = self.is_open
        if self.is_open:
            self._tell_those_in_line()
        self._hand_out()

    def _tell_those_in_line(self) -> None:
        """Have the resources that wait for a turn tell of the outage, once."""
        for party, wait in self._waits.items():
            if not wait.was_told and party.priority is Priority.READ:
                wait.was_told = True
                # Nobody waits for that: it must not hold up what has changed.
                self._wakes.consumer(party.key, Lane.DUE)

    def _hand_out(self) -> None:
        """Keep a turn for each key in line for which there is room, and wake it."""
        for priority, line in self._lines.items():
            while line and self._has_room(priority):
                party = line.pop()
                del self._waits[party]
                self._kept[party] = self._enter(priority)
                self._wake(party)
        self._set_timer()

    def _wake(self, party: _Party) -> None:
        wakes = {
            Priority.RENEWAL: self._wakes.session,
            Priority.READ: self._wakes.consumer,
        }
        wakes[party.priority](party.key, Lane.CHANGED)

    def _leave_line(self, party: _Party) -> None:
        if self._waits.pop(party, None) is not None:
            self._lines[party.priority].remove(party)

    def _set_timer(self) -> None:
        wait = self._next_change()
        if wait is None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + wait
        if self._timer is not None:
            if self._timer.when() <= when:
                return  # early at worst, and then it is set anew
            self._timer.cancel()
        self._timer = loop.call_at(when, self._time_has_come)

    def _next_change(self) -> float | None:
        """Return the seconds until the clock makes room; None: it does not."""
        times = []
        if self._kept:
            oldest = next(iter(self._kept.values()))
            times.append(oldest.kept_until - self._clock.monotonic())
        if self._waits and self._admission.paused_for:
            times.append(self._admission.paused_for)
        return max(_TIMER_SLACK, min(times)) if times else None

    def _time_has_come(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._kept:
            party, turn = next(iter(self._kept.items()))
            if turn.kept_until > now:
                break
            del self._kept[party]
            self._give_back(turn)
        self._hand_out()
