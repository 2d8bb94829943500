"""When a static secret is read again: slots counted from the Unix epoch.

Resources that ask Vault the same question share a slot, so they fall due
together and can share the answer; different questions are spread over the
whole period. A slot depends on nothing that a restart could lose.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b

DEFAULT_PERIOD = timedelta(seconds=60)
"""How often a resource without `refreshAfter` is read, as upstream does."""
SHORTEST_PERIOD = timedelta(seconds=1)
"""Whatever a resource asks for: below this it would keep a worker and Vault busy."""


def refresh_period(asked: timedelta | None, *, floor: timedelta) -> timedelta:
    """Return the period to use: what was asked for, but not below `floor`.

    Zero counts as not asked, as upstream has it.
    """
    return max(asked or DEFAULT_PERIOD, floor, SHORTEST_PERIOD)


def until_next_slot(question: str, *, period: timedelta, now: float) -> float:
    """Return the seconds from `now` (epoch seconds) to the question's next slot.

    The result is more than 0 and at most `period`.
    """
    seconds = period.total_seconds()
    digest = blake2b(question.encode(), digest_size=8).digest()
    offset = int.from_bytes(digest, "big") / 2**64 * seconds
    return seconds - (now - offset) % seconds
