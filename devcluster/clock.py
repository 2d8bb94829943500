"""What the cluster takes from outside, and times in the words of its objects."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom

# An age is told in the first unit that it fills twice, as kubectl does.
_AGE_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Outside:
    """Wall time and chance."""

    now: Callable[[], float] = time.time  # seconds since the Unix epoch
    random: Random = field(default_factory=SystemRandom)

    def uuid(self) -> str:
        """Return a new one."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def timestamp(epoch: float) -> str:
    """Format as metav1.Time: UTC, whole seconds."""
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(now: float, since: str) -> str:
    """Tell the age of an RFC 3339 time as kubectl shows it: `5s`, `3m`, `4d`."""
    try:
        rest = max(0, int(now - datetime.fromisoformat(since).timestamp()))
    except ValueError:
        return "<invalid>"
    told = (
        f"{rest // unit}{letter}" for unit, letter in _AGE_UNITS if rest >= 2 * unit
    )
    return next(told, f"{rest}s")
