"""Rests between the tries of one loop: exponential, jittered, healed by time."""

from __future__ import annotations

from random import Random

from vso_controller.foundation.clock import Clock


class Backoff:
    """Counts the failures of one loop and says how long it rests after each.

    Rests lie between `n` and `2 n` seconds, where `n` starts at `initial` and
    doubles with every call, and none is longer than `maximum`. A call that comes
    `reset_after` seconds or more after the last rest ended starts anew.
    """

    def __init__(
        self,
        *,
        initial: float,
        maximum: float,
        reset_after: float,
        clock: Clock,
        random: Random,
    ) -> None:
        self._initial = initial
        self._maximum = maximum
        self._reset_after = reset_after
        self._clock = clock
        self._random = random
        self._shortest = initial
        self._rested_until = 0.0

    def next_rest(self) -> float:
        """Return the seconds to rest after the failure that just happened."""
        now = self._clock.monotonic()
        if now - self._rested_until >= self._reset_after:
            self._shortest = self._initial

        rest = min(self._shortest * (1 + self._random.random()), self._maximum)
        self._shortest = min(self._shortest * 2, self._maximum / 2)
        self._rested_until = now + rest
        return rest
