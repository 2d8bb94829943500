"""How long a key rests after each failure of its own."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from random import Random


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
