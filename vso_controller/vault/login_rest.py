"""How long to leave Vault alone after a login failed."""

from __future__ import annotations

from random import Random

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    OperationFailed,
    Parked,
    Throttled,
    Transient,
)
from vso_controller.vault.breaker import OF_THE_SERVER
from vso_controller.vault.errors import LoginUnanswered
from vso_controller.vault.timing import SessionTiming

_LEFT_TO_THE_BREAKER = (Parked, LoginUnanswered, *OF_THE_SERVER)
_SPREAD = 0.25  # a rest is shortened by up to this part of it


class LoginRest:
    """Remembers the last failure, so that one refused identity cannot flood Vault.

    What speaks of the server is left to the breaker, which knows when it is over.
    Rests grow with each failure, less far if it is of the kind that passes; they
    are never shorter than what Vault asked for.
    """

    def __init__(self, *, timing: SessionTiming, clock: Clock, random: Random) -> None:
        self._timing = timing
        self._clock = clock
        self._random = random
        self._failure: OperationFailed | None = None
        self._until = 0.0  # on the loop's clock
        self._length = 0.0  # seconds, before the spread; 0: no failure yet

    @property
    def has_failed(self) -> bool:
        """Whether the last login failed."""
        return self._failure is not None

    def check(self) -> None:
        """Raise the failure that is remembered while its rest lasts."""
        if self._failure is not None and self._clock.monotonic() < self._until:
            # One exception is raised many times: its traceback must not grow.
            raise self._failure.with_traceback(None)

    def begin(self, failure: OperationFailed) -> None:
        """Rest because of `failure`, longer than after the one before."""
        if isinstance(failure, _LEFT_TO_THE_BREAKER):
            return
        timing = self._timing
        passes = isinstance(failure, Transient)
        longest = timing.longest_transient_rest if passes else timing.longest_rest
        grown = max(timing.first_rest, self._length * timing.growth)
        self._length = min(grown, longest)
        rest = self._length * (1 - _SPREAD * self._random.random())
        if isinstance(failure, Throttled):
            rest = max(rest, failure.retry_after)
        self._failure = failure
        self._until = self._clock.monotonic() + rest

    def forget(self) -> None:
        """Begin anew after a login that worked."""
        self._failure = None
        self._length = 0.0
