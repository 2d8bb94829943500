"""A Vault token and the times of its life, read from the `auth` part of an answer.

Source of the fields: the HTTP API documentation of `auth/token`. A lease duration of
zero means that the token has no end, as a root token has none.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import NotVaultAnswer
from vso_controller.vault.requests import VaultReply

_RENEWED_AFTER = 2 / 3  # of the life that is left
_RETRIED_AFTER = 1 / 3  # of the life that is left
_SHORTEST_RETRY = 5.0  # seconds
_LONGEST_MARGIN = 10.0  # seconds
_MARGIN = 0.1  # of the TTL
_SHORTEST_TTL = 0.5  # seconds; a life is told in whole ones, and 0 would mean no end
_LONGEST_TTL = 10**10  # seconds; what is longer is no duration but an attack


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on two clocks. A life is counted from before its request left."""

    loop: float
    boot: float

    @classmethod
    def now(cls, clock: Clock) -> Self:
        """Read both clocks."""
        return cls(loop=clock.monotonic(), boot=clock.boot())


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its session keeps it; each change makes another one."""

    value: Secret[str]
    client_id: str  # hex BLAKE2b-256 of the accessor; "" for a token without one
    renewable: bool
    granted: float  # seconds that the login gave, and every renewal should give
    ttl: float  # seconds that were last given; 0: no end
    ends: float  # on the boot clock; infinite: no end
    next_step: float | None  # on the loop's clock: when to renew or replace it
    exhausted: bool = False  # renewing it does not prolong its life any more
    is_ours: bool = True  # a login of ours brought it; others are not ours to revoke

    @property
    def is_final(self) -> bool:
        """Whether no renewal will move its end any more."""
        return self.exhausted or self.next_step is None

    def is_usable(self, moment: Moment) -> bool:
        """Whether it will outlive a request that is sent now."""
        margin = min(_LONGEST_MARGIN, self.ttl * _MARGIN)
        return moment.boot < self.ends - margin

    def is_lasting(self, moment: Moment) -> bool:
        """Whether it has time left for what it is about to issue, which ends with it.

        One that no renewal prolongs has, for half of what a login gives.
        """
        if self.exhausted:
            return False
        return not self.is_final or self.ends - moment.boot >= self.granted / 2

    def renewed(self, reply: VaultReply, *, since: Moment) -> Self:
        """Return the token as a renewal asked for at `since` left it.

        A life shorter than the granted one means that the maximum is near. Less than
        a second is told as 0, which means no end only for what never had one.
        """
        auth = _parse(reply, "a renewal")
        ttl = float(auth.lease_duration)
        if math.isfinite(self.ends):
            ttl = max(ttl, _SHORTEST_TTL)
        return replace(
            self,
            renewable=auth.renewable,
            ttl=ttl,
            ends=_end(ttl, since),
            next_step=_next_step(ttl, since) if auth.renewable else None,
            exhausted=ttl < self.granted,
        )

    def not_renewed(self, moment: Moment, *, forever: bool) -> Self:
        """Return the token after a renewal, or its replacement, failed at `moment`.

        It is kept until it ends. `forever`: another renewal would fail as well.
        """
        left = self.ends - moment.boot
        wait = max(_SHORTEST_RETRY, left * _RETRIED_AFTER)
        return replace(
            self,
            next_step=moment.loop + wait if wait < left else None,
            exhausted=self.exhausted or forever,
        )

    def ended(self, moment: Moment) -> Self:
        """Return the token after it was found dead at `moment`."""
        ends = min(self.ends, moment.boot)
        return replace(self, ends=ends, next_step=None, exhausted=True)

    def succeeding(self, former: Token | None) -> Self:
        """Return the token as it follows `former`, which may be the same one.

        That happens to a token which nobody logs in with: fetched again, it cannot be
        renewed any better than before.
        """
        if former is None or not former.exhausted or former.value != self.value:
            return self
        return replace(self, exhausted=True, next_step=None)


def token_from_login(reply: VaultReply, *, since: Moment) -> Token:
    """Return the token that a login sent at `since` brought.

    Raises NotVaultAnswer for an answer without one.
    """
    auth = _parse(reply, "a login")
    ttl = float(auth.lease_duration)
    return Token(
        value=Secret(auth.client_token),
        client_id=_client_id(auth.accessor),
        renewable=auth.renewable,
        granted=ttl,
        ttl=ttl,
        ends=_end(ttl, since),
        next_step=_next_step(ttl, since) if auth.renewable else None,
    )


def token_from_lookup(value: Secret[str], reply: VaultReply, *, since: Moment) -> Token:
    """Return the token `value`, which was looked up at `since`.

    Raises NotVaultAnswer for an answer that says nothing of its life.
    """
    try:
        found = _Lookup.model_validate(reply.document.reveal().get("data"))
    except ValidationError as error:
        raise NotVaultAnswer("the answer to a lookup tells of no token") from error
    endless = found.expire_time is None
    ttl = 0.0 if endless else max(float(found.ttl), _SHORTEST_TTL)
    return Token(
        value=value,
        client_id=_client_id(found.accessor),
        renewable=found.renewable,
        granted=float(found.creation_ttl or ttl),
        ttl=ttl,
        ends=_end(ttl, since),
        next_step=_next_step(ttl, since) if found.renewable else None,
        is_ours=False,
    )


class _Lookup(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    accessor: Annotated[str, Field(repr=False)] = ""
    ttl: Annotated[int, Field(ge=0, le=_LONGEST_TTL)] = 0
    creation_ttl: Annotated[int, Field(ge=0, le=_LONGEST_TTL)] = 0
    expire_time: str | None = None  # None: it has no end
    renewable: StrictBool = False


class _Auth(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    client_token: Annotated[str, Field(pattern=r"^[!-~]+$", repr=False)]
    accessor: Annotated[str, Field(repr=False)] = ""
    lease_duration: Annotated[int, Field(ge=0, le=_LONGEST_TTL)]
    renewable: StrictBool


def _parse(reply: VaultReply, source: str) -> _Auth:
    try:
        return _Auth.model_validate(reply.document.reveal().get("auth"))
    except ValidationError as error:
        raise NotVaultAnswer(f"the answer to {source} holds no usable token") from error


def _client_id(accessor: str) -> str:
    if not accessor:
        return ""
    return hashlib.blake2b(accessor.encode(), digest_size=32).hexdigest()


def _end(ttl: float, since: Moment) -> float:
    return since.boot + ttl if ttl else math.inf


def _next_step(ttl: float, since: Moment) -> float | None:
    return since.loop + ttl * _RENEWED_AFTER if ttl else None
