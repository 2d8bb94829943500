"""Time, injected: three clocks that answer three different questions.

* `monotonic`: how long since? (durations inside one run; the event loop's clock)
* `boot`: how long since, suspend included? (lease deadlines; it runs while the
  machine sleeps, the monotonic clock does not)
* `now`: what is the time in the world? (certificates, status, refresh slots)
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Tells the time."""

    def monotonic(self) -> float:
        """Return seconds on the event loop's clock."""
        ...

    def boot(self) -> float:
        """Return seconds on the boot clock, which runs through a suspend."""
        ...

    def now(self) -> float:
        """Return wall time: seconds since the Unix epoch."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def boot(self) -> float:
        return time.clock_gettime(_BOOT_CLOCK)

    def now(self) -> float:
        return time.time()


def rfc3339(epoch: float) -> str:
    """Format seconds since the epoch as metav1.Time does: UTC, whole seconds."""
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> float:
    """Parse an RFC 3339 time to seconds since the epoch. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say in which time zone it is")
    return moment.timestamp()


def rfc3339_micro(epoch: float) -> str:
    """Format seconds since the epoch as metav1.MicroTime does."""
    moment = datetime.fromtimestamp(epoch, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
