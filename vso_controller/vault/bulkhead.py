"""Who may ask one Vault now: what keeps a slow or broken one from hurting others.

An `Admission` puts together

* a bound on how many are inside, which adapts to what Vault can take (`window`);
* a few places beyond that bound for renewals, so that reads never starve them;
* a pause of the reads when Vault asked for one, twice in a row;
* the breaker (`breaker`): while it is open nobody is let in.

To be inside is to have a turn: it lasts as long as a worker is held, with one request
under way at a time. What came of a request is told with the ticket it was begun with;
what a ticket from before an outage has to tell is of no interest after it.

No I/O and no timers. `Guarded` is the transport that begins and ends requests with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed, Parked, Throttled
from vso_controller.vault.breaker import FAULTS, Breaker
from vso_controller.vault.errors import InvalidRequest, RequestTimedOut, ServerFailed
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import VaultReply, VaultRequest
from vso_controller.vault.window import Window

RENEWAL_PLACES = 2
"""Places that reads never take."""
LONGEST_PAUSE = 30.0
"""Seconds for which all reads pause at most, whatever one quota asks for."""

_CONGESTION = (Throttled, ServerFailed, RequestTimedOut)
_PAUSING = 2  # so many in a row: one may be of a quota that concerns one path alone


class Priority(IntEnum):
    """What a turn is for. The smaller goes first."""

    RENEWAL = 0  # a token ends without it
    READ = 1


class Admission:
    """See the module docstring.

    `maximum` bounds the reads inside, `probe_rest` is in seconds.
    """

    def __init__(self, *, maximum: int, probe_rest: float, clock: Clock) -> None:
        self._clock = clock
        self._breaker = Breaker(rest=probe_rest, clock=clock)
        self._window = Window(maximum=maximum)
        self._inside = dict.fromkeys(Priority, 0)
        self._next_ticket = 0
        # Older tickets are from before the breaker opened or closed, or the window
        # shrank: what they tell is known, or not true any more.
        self._valid_from = 0
        self._shrunk_at = 0
        self._throttled = 0  # answers in a row
        self._paused_until = float("-inf")  # on the loop's clock

    @property
    def breaker(self) -> Breaker:
        """The breaker, to be looked at."""
        return self._breaker

    @property
    def limit(self) -> int:
        """How many reads may be inside now."""
        return self._window.size

    @property
    def inside(self) -> int:
        """How many have a turn."""
        return sum(self._inside.values())

    @property
    def paused_for(self) -> float:
        """Seconds for which no read is let in; 0 if that is not because of a pause."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    def has_room(self, priority: Priority) -> bool:
        """Whether `enter` would let this one in."""
        if self._breaker.is_open or self.inside >= self.limit + RENEWAL_PLACES:
            return False
        if priority is Priority.RENEWAL:
            return True
        return self._inside[Priority.READ] < self.limit and not self.paused_for

    def enter(self, priority: Priority) -> None:
        """Take a turn, for which there must be room. It has to be given back."""
        if not self.has_room(priority):
            raise RuntimeError("there is no room")
        self._inside[priority] += 1

    def leave(self, priority: Priority) -> None:
        """Give a turn back."""
        self._inside[priority] -= 1

    def begin(self) -> int:
        """Return the ticket of a request that is about to be sent.

        Raises Parked if Vault is not asked anything: a turn may outlive the moment
        at which the breaker opened.
        """
        failure = self._breaker.failure
        if failure is not None:
            raise Parked(
                f"Vault is not asked until it serves: {failure}", failure=failure
            )
        self._next_ticket += 1
        return self._next_ticket

    def end(self, ticket: int, error: OperationFailed | None) -> None:
        """Take note of what came of a request; None: it succeeded."""
        if ticket < self._valid_from or isinstance(error, InvalidRequest):
            # The latter may never have been sent.
            return
        if isinstance(error, _CONGESTION):
            self._congested(ticket)
        self._throttled = self._throttled + 1 if isinstance(error, Throttled) else 0
        if isinstance(error, Throttled) and self._throttled >= _PAUSING:
            self._pause(error.retry_after)
        if isinstance(error, FAULTS):
            self._failed(error)
            return
        self._breaker.answered()
        if not isinstance(error, Throttled):
            self._window.answered(inside=self.inside)

    def shut(self, error: OperationFailed) -> None:
        """Let nobody in until a probe ends well, because of `error`."""
        if not self._breaker.is_open:
            self._begin_anew()
        self._breaker.shut(error)

    @contextmanager
    def probing(self) -> Iterator[None]:
        """Have a probe under way; see `Breaker.probing`. One that ends well resumes."""
        was_open = self._breaker.is_open
        try:
            with self._breaker.probing():
                yield
        finally:
            if was_open != self._breaker.is_open:
                self._begin_anew()

    def _failed(self, error: OperationFailed) -> None:
        self._breaker.failed(error)
        if self._breaker.is_open:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._valid_from = self._next_ticket + 1
        self._throttled = 0
        self._window.restart()

    def _congested(self, ticket: int) -> None:
        # What was under way together tells of one congestion, not of many.
        if ticket >= self._shrunk_at:
            self._shrunk_at = self._next_ticket + 1
            self._window.congested()

    def _pause(self, seconds: float) -> None:
        until = self._clock.monotonic() + min(seconds, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, until)


class Guarded:
    """A Transport that asks while the breaker is closed, and tells what came of it.

    `noted` is called after each note, when there may be more or less room than before.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        admission: Admission,
        noted: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._admission = admission
        self._noted = noted

    async def request(self, request: VaultRequest) -> VaultReply:
        """Send `request`. Raises Parked while the breaker is open."""
        ticket = self._admission.begin()
        try:
            reply = await self._transport.request(request)
        except OperationFailed as error:
            self._note(ticket, error)
            raise
        self._note(ticket, None)
        return reply

    def _note(self, ticket: int, error: OperationFailed | None) -> None:
        self._admission.end(ticket, error)
        self._noted()
