"""Tokens: whom the scripted Vault knows, and for how long.

Policies are names here; every token that lives may do everything.
Source: "Token auth method (API)" of Vault's API documentation: lookup-self,
renew-self and revoke-self.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.support.scriptedvault.messages import (
    NO_CONTENT,
    Asked,
    Document,
    Said,
    refusal,
    reply,
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token. Times are seconds on the clock of its `Tokens`; `ttl` 0 has no end."""

    token: str = field(repr=False)
    accessor: str
    policies: tuple[str, ...]
    ttl: int
    ends: float
    metadata: Mapping[str, str] = field(default_factory=dict)


class Tokens:
    """All tokens of one Vault, the root token among them."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, Issued] = {}
        self.root = self.issue(policies=("root",), ttl=0).token

    def issue(
        self,
        *,
        policies: Sequence[str],
        ttl: int,
        metadata: Mapping[str, str] | None = None,
    ) -> Issued:
        """Make a token that lives `ttl` seconds; 0: forever."""
        issued = Issued(
            token=f"hvs.{secrets.token_urlsafe(24)}",
            accessor=secrets.token_urlsafe(18),
            policies=tuple(policies),
            ttl=ttl,
            ends=self._clock() + ttl if ttl else float("inf"),
            metadata=metadata or {},
        )
        self._issued[issued.token] = issued
        return issued

    def revoke(self, token: str) -> None:
        """Make a token one that nobody knows."""
        self._issued.pop(token, None)

    def is_live(self, token: str) -> bool:
        """Whether somebody may ask with this token now."""
        issued = self._issued.get(token)
        return issued is not None and self._clock() < issued.ends

    def __call__(self, asked: Asked) -> Said | None:
        """Refuse strangers (403), and answer tokens that ask about themselves."""
        if not self.is_live(asked.token):
            return refusal(403, "permission denied")
        match asked.path:
            case "auth/token/lookup-self":
                return reply(self._described(asked.token))
            case "auth/token/renew-self":
                return self._renewed(asked.token)
            case "auth/token/revoke-self":
                self.revoke(asked.token)
                return NO_CONTENT
            case _:
                return None

    def _renewed(self, token: str) -> Said:
        issued = self._issued[token]
        if not issued.ttl:
            return refusal(400, "lease is not renewable")
        self._issued[token] = replace(issued, ends=self._clock() + issued.ttl)
        return login_reply(issued)

    def _described(self, token: str) -> Document:
        issued = self._issued[token]
        left = int(issued.ends - self._clock()) if issued.ttl else 0
        return {
            "accessor": issued.accessor,
            "creation_ttl": issued.ttl,
            "id": token,
            "meta": dict(issued.metadata),
            "num_uses": 0,
            "orphan": True,
            "policies": list(issued.policies),
            "renewable": issued.ttl > 0,
            "ttl": left,
            "type": "service",
        }


def login_reply(issued: Issued) -> Said:
    """Return what a login that gave this token, or its renewal, answers."""
    auth = {
        "client_token": issued.token,
        "accessor": issued.accessor,
        "policies": list(issued.policies),
        "token_policies": list(issued.policies),
        "metadata": dict(issued.metadata),
        "lease_duration": issued.ttl,
        "renewable": issued.ttl > 0,
        "entity_id": "",
        "token_type": "service",
        "orphan": True,
    }
    return reply(None, auth=auth)
