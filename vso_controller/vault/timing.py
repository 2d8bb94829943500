"""The durations of a session's manners, so that they can be scaled together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionTiming:
    """How long a session leaves Vault alone. Seconds, but for the growth."""

    first_rest: float = 5.0
    """The rest after a login failed."""
    growth: float = 1.5
    """The factor by which the rest grows with each failure in a row..."""
    longest_rest: float = 60.0
    """...to here, where a person must change something."""
    longest_transient_rest: float = 10.0
    """...to here, where Vault itself will come back."""
    verdict_holds: float = 5.0
    """A token that was found alive is not looked up again for so long."""
    relogin_rest: float = 60.0
    """After a login that did not help, a denied call leads to none for so long."""
