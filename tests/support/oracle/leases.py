"""The life of every lease and certificate, from the requests that made and ended it.

A lease ends with its term, with its revocation, or with the token that issued it,
whoever renewed it. A certificate ends with its term alone: a revoked one works on
wherever nobody asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tests.support.oracle.acts import Issued, VaultAct
from tests.support.oracle.journal import LeaseEnded


@dataclass(frozen=True, slots=True)
class LeaseLife:
    """One lease or certificate. Times are seconds; infinity: it did not happen."""

    issued: Issued
    act: VaultAct
    expires: float  # by itself, or with its token
    revoked: float = math.inf
    ended_by_test: float = math.inf

    @property
    def id(self) -> str:
        """The lease, or the serial number."""
        return self.issued.id

    @property
    def began(self) -> float:
        """When it was issued."""
        return self.act.done_at

    @property
    def end(self) -> float:
        """When it ceased to be good for anything, or will."""
        ends = (self.expires, self.ended_by_test)
        if self.issued.is_certificate:
            return min(ends)
        return min(*ends, self.revoked)


def lives_of(
    acts: Sequence[VaultAct], ended: Iterable[LeaseEnded]
) -> tuple[LeaseLife, ...]:
    """Return the life of all that `acts` issued, in the order of issue."""
    lives: dict[str, LeaseLife] = {}
    tokens = _token_ends(acts)
    for act in acts:
        if not act.landed:
            continue
        if act.issued is not None:
            expires = act.done_at + act.issued.seconds
            lives[act.issued.id] = LeaseLife(act.issued, act, expires)
        _renew(lives, act)
        _revoke(lives, act)
    for cause in ended:
        if cause.lease in lives:
            life = lives[cause.lease]
            lives[cause.lease] = replace(life, ended_by_test=cause.at)
    return tuple(_within_token(life, tokens) for life in lives.values())


def _renew(lives: dict[str, LeaseLife], act: VaultAct) -> None:
    for lease, seconds in act.renewed.items():
        if lease in lives:
            expires = act.done_at + seconds
            lives[lease] = replace(lives[lease], expires=expires)


def _revoke(lives: dict[str, LeaseLife], act: VaultAct) -> None:
    prefix = act.revoked_prefix
    for lease, life in lives.items():
        hit = lease in act.revoked or (prefix is not None and lease.startswith(prefix))
        if hit and life.revoked > act.done_at:
            lives[lease] = replace(life, revoked=act.done_at)


def _within_token(life: LeaseLife, tokens: dict[str, float]) -> LeaseLife:
    if life.issued.is_certificate:
        return life
    return replace(life, expires=min(life.expires, tokens.get(life.act.who, math.inf)))


def _token_ends(acts: Iterable[VaultAct]) -> dict[str, float]:
    """Return when each token ends; of a token that is not named nothing is known."""
    ends: dict[str, float] = {}
    for act in acts:
        if not act.landed:
            continue
        if act.granted is not None:
            seconds = act.granted.seconds or math.inf
            ends[act.granted.token] = act.done_at + seconds
        if act.ends_token:
            ends[act.who] = act.done_at
    return ends
