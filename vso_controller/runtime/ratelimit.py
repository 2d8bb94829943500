"""How long a key rests after each failure of its own, and how many retry in all."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from random import Random

from vso_controller.foundation.clock import Clock

_ROUNDING = 1e-6  # of a token: waiting for less than that is waiting for nothing


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """The figures of the back-off, with upstream's names and defaults.

    The n-th rest is `initial * multiplier ** n`, at most `maximum` seconds, made
    longer or shorter by up to `randomization` of itself. So a rest can be longer
    than `maximum`, as it can with upstream.
    """

    initial: float = 5.0
    maximum: float = 60.0
    multiplier: float = 1.5
    randomization: float = 0.5


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """How many retries there may be, by default as client-go's controllers have it.

    `rate` (above 0) a second in the long run, and `burst` (1 at least) at once
    after a time without any.
    """

    rate: float = 10.0
    burst: int = 100


class ExponentialBackoff:
    """Remembers the keys that failed, until they are forgotten."""

    def __init__(self, *, settings: BackoffSettings, random: Random) -> None:
        self._settings = settings
        self._random = random
        self._next: dict[Hashable, float] = {}  # before it is randomized

    def __len__(self) -> int:
        return len(self._next)

    def next_delay(self, key: Hashable) -> float:
        """Count one more failure of `key` and return its rest in seconds."""
        settings = self._settings
        rest = self._next.get(key, min(settings.initial, settings.maximum))
        self._next[key] = min(rest * settings.multiplier, settings.maximum)
        return rest * (1 + settings.randomization * self._random.uniform(-1, 1))

    def forget(self, key: Hashable) -> None:
        """Drop the history of `key`: its next failure is its first."""
        self._next.pop(key, None)


class TokenBucket:
    """Fills with tokens as time goes by, from full at the start."""

    def __init__(self, *, settings: BucketSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tokens = 0.0  # as of `_filled`, a time on the monotonic clock
        self._filled = -math.inf

    def take(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        settings = self._settings
        now = self._clock.monotonic()
        filling = (now - self._filled) * settings.rate
        self._tokens = min(settings.burst, self._tokens + filling)
        self._filled = now
        missing = 1 - self._tokens
        if missing > _ROUNDING:
            return missing / settings.rate
        self._tokens -= 1
        return 0.0
