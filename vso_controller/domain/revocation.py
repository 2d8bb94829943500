"""What a resource owes: leases that are not in use any more, until they have ended.

A lease that was replaced, or that never came to be used, stays on record until Vault
has ended it: by a revocation at its due time, or by itself where none is asked for, and
then its due time is its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vso_controller.domain.renewal import Lease

MOST_ATTEMPTS = 8
"""Revocations of one lease that are tried before it is left to run out."""
MOST_ATTEMPTS_AT_END = 5
"""The same of a resource that is deleted, which waits for them."""

TAKES = 5.0
"""Seconds that Vault may take to end a lease whose time is over: a life is told in
whole seconds, and users are removed one by one."""

_FIRST_REST = 5.0  # seconds
_LONGEST_REST = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A lease that is to end. Times are seconds since the epoch."""

    lease_id: str
    due: float  # when to revoke it; its end where it runs out by itself
    end: float  # when it ends by itself at the latest
    namespace: str = ""  # Vault's, that it was issued in; "": that of the VaultAuth
    attempts: int = 0
    error: str = ""  # what came of the last one

    @property
    def runs_out(self) -> bool:
        """Whether nobody is to revoke it."""
        return self.due >= self.end

    def failed(self, error: str, *, now: float, is_final: bool) -> Owed:
        """Return it after a revocation failed; one that is final is not tried again."""
        attempts = self.attempts + 1
        rest = min(_FIRST_REST * 2.0**self.attempts, _LONGEST_REST)
        given_up = is_final or attempts >= MOST_ATTEMPTS
        due = self.end if given_up else min(now + rest, self.end)
        return replace(self, due=due, attempts=attempts, error=error)


def owed_of(lease: Lease, *, now: float, at_once: bool, namespace: str) -> Owed:
    """Return what is owed of a lease that is not in use any more.

    Unless it is to be revoked at once, it is left to run out.
    """
    end = lease.since + lease.duration + TAKES
    due = now if at_once else end
    return Owed(lease_id=lease.id, due=due, end=end, namespace=namespace)


def alive(owed: Iterable[Owed], *, now: float) -> tuple[Owed, ...]:
    """Return those that have not ended by themselves."""
    return tuple(each for each in owed if now < each.end)


def to_revoke(owed: Iterable[Owed], *, now: float) -> tuple[Owed, ...]:
    """Return those whose revocation is due."""
    return tuple(
        each for each in alive(owed, now=now) if each.due <= now and not each.runs_out
    )


def with_owed(owed: Sequence[Owed], one: Owed) -> tuple[Owed, ...]:
    """Return the list with `one` in the place of what it says of the same lease."""
    others = tuple(each for each in owed if each.lease_id != one.lease_id)
    return (*others, one)


def next_due(owed: Iterable[Owed]) -> float | None:
    """Return when something of it is to be done or forgotten; None: it is empty."""
    return min((min(each.due, each.end) for each in owed), default=None)


def at_deletion(owed: Iterable[Owed], *, now: float, revokes: bool) -> tuple[Owed, ...]:
    """Return what is left to revoke of a resource that is deleted, due or not.

    What was given up before, and what runs out by itself where nothing is to be
    revoked, is left to Vault.
    """
    return tuple(
        each
        for each in alive(owed, now=now)
        if (revokes or not each.runs_out)
        and each.attempts < MOST_ATTEMPTS_AT_END
        and not (each.error and each.runs_out)
    )
