"""When a lease is renewed, and when and why the credentials it belongs to are replaced.

A lease ends with its own time, or with the token that it hangs on, whichever is sooner.
Renewing is cheap and nobody notices; what is replaced restarts workloads. So a lease is
renewed as long as that prolongs it, a renewal that fails is tried again while the lease
lives, and only what is gone, or about to be, is replaced.

Pure: no clock and no randomness. Everything that a rule needs is a field of `Observed`,
so `RULES` is the whole policy, in order of precedence. Times are seconds since the
epoch; those that would fall together are spread by `share`, which no restart changes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

DEFAULT_PERCENT = 67
HIGHEST_PERCENT = 90
SHORTEST_STEP = 1.0
"""Seconds: nothing is renewed or replaced sooner after it was, however short it is."""

_SPREAD = 0.1  # of a life: over this much those that are due together are spread
_LAST_CALL = 0.9  # of a life: a renewal that fails after that is not tried again
_RETRIED_AFTER = 1 / 3  # of the time to the last call
_ROUNDING = 0.01  # of what was asked: so much may a renewal fall short of it
_FIRST_REPLACED = 0.1  # of the last stretch of a token: a new login comes before
_LAST_REPLACED = 0.9
_LEFT_AT_RENEWAL = 1 / 3  # of the life of a token, which is renewed after two thirds


class Cause(StrEnum):
    """Why credentials are replaced. The values appear in Events and in the log."""

    LEASE_GONE = "LeaseNotFound"
    """Vault does not know the lease any more."""
    LEASE_ENDED = "LeaseEnded"
    TOKEN_ENDS = "TokenEnds"
    """No renewal prolongs the token that the lease hangs on, or nobody has it."""
    NO_LEASE = "RefreshAfter"
    """The answer had no lease: it is asked for again from time to time."""
    NOT_RENEWABLE = "LeaseNotRenewable"
    """A renewal would not prolong the lease: Vault says so, or the last one did not."""
    RENEWAL_FAILED = "LeaseRenewalFailed"


@dataclass(frozen=True, slots=True)
class Renew:
    """Ask for more of the lease."""

    at: float


@dataclass(frozen=True, slots=True)
class Replace:
    """Have other credentials issued."""

    at: float
    cause: Cause


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due, ever: the answer had no lease and nobody asks for more."""


Step = Renew | Replace | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What Vault said last of the time that credentials have."""

    id: str  # "": the answer had no lease
    since: float  # when it was issued or renewed, never too late
    duration: float  # seconds that were given then
    renewable: bool  # whether another renewal would prolong it


@dataclass(frozen=True, slots=True)
class LastStretch:
    """The end of a token's life that is known: what hangs on it is replaced before."""

    since: float  # from when on
    end: float

    def slot(self, share: float) -> float:
        """Return when what hangs on it is replaced: spread over the stretch."""
        part = _FIRST_REPLACED + (_LAST_REPLACED - _FIRST_REPLACED) * share
        return self.since + (self.end - self.since) * part


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldToken:
    """The token that a lease hangs on, in the hands of this process."""

    end: float  # by its last renewal; infinite: never
    ttl: float  # seconds that it was given then
    is_final: bool  # no renewal moves its end


def stretch_of_held(token: HeldToken) -> LastStretch | None:
    """Return the last stretch of a token that is held, None while it is renewed."""
    if not token.is_final or math.isinf(token.end):
        return None
    return LastStretch(token.end - token.ttl, token.end)


def stretch_of_lost(
    *, since: float, end: float | None, ttl: float
) -> LastStretch | None:
    """Return the last stretch of a token that nobody has any more; None: it never ends.

    `since` is when this process began, `end` what is on record of the token, infinite
    for never. None: nothing is known, and a token that was renewed as they are has a
    third left, of the `ttl` that a login gives, 0 for no end.
    """
    if end is None:
        end = since + ttl * _LEFT_AT_RENEWAL if ttl else math.inf
    return None if math.isinf(end) else LastStretch(min(since, end), end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is known of a lease."""

    now: float
    lease: Lease
    token: LastStretch | None = None  # None: it is renewed for the lease, or never ends
    percent: int = DEFAULT_PERCENT
    refresh_after: float = 0.0  # seconds; 0: it is not set
    share: float = 0.0  # from 0 to 1, without 1
    is_gone: bool = False  # Vault said that there is no such lease
    has_failed: bool = False  # a renewal just now, and not because the lease is gone

    @property
    def life(self) -> float:
        """Seconds from `since` for which the credentials count as good; 0: for ever."""
        if self.lease.id:
            return self.lease.duration
        return self.refresh_after or self.lease.duration

    @property
    def end(self) -> float:
        """When the lease ends, but for its token."""
        return self._begin + self.life

    @property
    def first(self) -> float:
        """When it is due to be renewed, or replaced where that does not help.

        After `percent` of its life and, to spread those that were issued together, up
        to a tenth of it or half of what is left.
        """
        part = min(max(self.percent, 0), HIGHEST_PERCENT) / 100
        spread = min(_SPREAD, (1 - part) / 2)
        return self._begin + max(
            SHORTEST_STEP, self.life * (part + spread * self.share)
        )

    @property
    def last(self) -> float:
        """Until when a renewal that failed is tried again."""
        return max(self._begin + _LAST_CALL * self.life, (self.first + self.end) / 2)

    @property
    def _begin(self) -> float:
        """When its life began; no later than now, should the clock have gone back."""
        return min(self.lease.since, self.now)


def next_step(seen: Observed) -> Step:
    """Return what is to be done next; what is due has a time that is not after now."""
    return next(step(seen) for applies, step in RULES if applies(seen))


def is_due(step: Step, *, now: float) -> bool:
    """Tell whether a step is to be taken now."""
    return not isinstance(step, Wait) and step.at <= now


def is_prolonged(granted: float, *, asked: float) -> bool:
    """Tell whether a renewal gave what was asked for, and another one would again.

    One that falls short has met the longest life of the lease, which no renewal moves.
    """
    return granted > 0 and granted >= asked * (1 - _ROUNDING)


def share_of(*names: str) -> float:
    """Return a number from 0 to 1, without 1, that depends on nothing but the names."""
    digest = hashlib.blake2b("\0".join(names).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


Rule = Callable[[Observed], bool]


def _token_has_ended(seen: Observed) -> bool:
    return seen.token is not None and bool(seen.lease.id) and seen.token.end <= seen.now


def _token_ends_first(seen: Observed) -> bool:
    if seen.token is None or not seen.lease.id:
        return False
    slot = seen.token.slot(seen.share)
    return slot <= (seen.last if seen.lease.renewable else seen.first)


def _replace_in_slot(seen: Observed) -> Step:
    at = seen.now if seen.token is None else seen.token.slot(seen.share)
    return Replace(at, Cause.TOKEN_ENDS)


def _replace_now(cause: Cause) -> Callable[[Observed], Step]:
    return lambda seen: Replace(seen.now, cause)


def _replace_first(cause: Cause) -> Callable[[Observed], Step]:
    return lambda seen: Replace(seen.first, cause)


def _retry(seen: Observed) -> Step:
    rest = max(SHORTEST_STEP, (seen.last - seen.now) * _RETRIED_AFTER)
    return Renew(min(seen.last, seen.now + rest))


RULES: tuple[tuple[Rule, Callable[[Observed], Step]], ...] = (
    (lambda seen: seen.is_gone, _replace_now(Cause.LEASE_GONE)),
    (lambda seen: seen.life <= 0, lambda _: Wait()),
    (_token_has_ended, _replace_now(Cause.TOKEN_ENDS)),
    (lambda seen: seen.end <= seen.now, _replace_now(Cause.LEASE_ENDED)),
    (_token_ends_first, _replace_in_slot),
    (lambda seen: not seen.lease.id, _replace_first(Cause.NO_LEASE)),
    (lambda seen: not seen.lease.renewable, _replace_first(Cause.NOT_RENEWABLE)),
    (
        lambda seen: seen.has_failed and seen.now >= seen.last,
        _replace_now(Cause.RENEWAL_FAILED),
    ),
    (lambda seen: seen.has_failed, _retry),
    (lambda _: True, lambda seen: Renew(seen.first)),
)
