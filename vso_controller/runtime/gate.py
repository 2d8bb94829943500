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
    machine sleeps, so a process that wakes from a suspend finds it closed. It may
    also be closed by another thread than the one that opens it.
    """

    def __init__(self, *, clock: Clock, margin: float) -> None:
        self._clock = clock
        self._margin = margin
        # Times on the boot clock. Each is stored at once and compared when it is
        # read, so that no order in which two threads store them opens what was closed.
        self._lease = (-math.inf, -math.inf)  # asked for at, ends at
        self._closed_at = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether `check` would pass."""
        asked, end = self._lease
        return asked >= self._closed_at and self._clock.boot() < end - self._margin

    def check(self, write: object = "a write") -> None:
        """Return if a write may leave now; raise NotLeading if not."""
        if not self.is_open:
            raise NotLeading(f"{write}: this process does not hold the leader's lease")

    def open_until(self, deadline: float, *, asked: float) -> None:
        """Open for as long as the lease lasts: `deadline` is on the boot clock.

        `asked` is when the lease was asked for, on the same clock: what was asked for
        before the gate was closed does not open it. A deadline of infinity opens it
        until it is closed, where there is no election.
        """
        self._lease = (asked, deadline)

    def close(self) -> None:
        """Close now, also for a renewal that is under way. Safe from any thread."""
        self._closed_at = self._clock.boot()
        self._lease = (-math.inf, -math.inf)
