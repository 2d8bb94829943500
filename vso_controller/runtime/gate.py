"""The fence: whether this process may still act as the leader."""

from __future__ import annotations

import math

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Transient


class NotLeading(Transient):
    """The lease is not held, or not for sure: nothing may be written."""


class LeaseGate:
    """Open while the lease is ours for at least `margin` more seconds.

    It is closed to begin with, and closes by itself: the boot clock runs while the
    machine sleeps, so a process that wakes from a suspend finds it closed.
    """

    def __init__(self, *, clock: Clock, margin: float) -> None:
        self._clock = clock
        self._margin = margin
        self._deadline = -math.inf  # on the boot clock

    @property
    def is_open(self) -> bool:
        """Whether `check` would pass."""
        return self._clock.boot() < self._deadline - self._margin

    def check(self, write: object = "a write") -> None:
        """Return if a write may leave now; raise NotLeading if not."""
        if not self.is_open:
            raise NotLeading(f"{write}: this process does not hold the leader's lease")

    def open_until(self, deadline: float) -> None:
        """Open for as long as the lease lasts: `deadline` is on the boot clock.

        Infinity opens it for good, where there is no election.
        """
        self._deadline = deadline

    def close(self) -> None:
        """Close now."""
        self._deadline = -math.inf
