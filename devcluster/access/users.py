"""Who asks: bearer tokens to users."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from devcluster.access.tokens import TokenIssuer
from devcluster.objects.json import Object

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
_ACCOUNTS = "system:serviceaccounts"

AccountUid = Callable[[str, str], str | None]
"""Returns the uid of a ServiceAccount by namespace and name, None without one."""


@dataclass(frozen=True, slots=True)
class User:
    """An identity with its groups."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> Object:
        """Return the identity as reviews spell it."""
        said = {
            "username": self.name,
            "uid": self.uid,
            "groups": list(self.groups),
            "extra": self.extra,
        }
        return {key: value for key, value in said.items() if value}


ADMIN = User(
    "kubernetes-admin", uid="kubernetes-admin", groups=(MASTERS, AUTHENTICATED)
)


def service_account(namespace: str, name: str, uid: str = "") -> User:
    """Return the identity of a ServiceAccount."""
    return User(
        f"system:serviceaccount:{namespace}:{name}",
        uid=uid,
        groups=(_ACCOUNTS, f"{_ACCOUNTS}:{namespace}", AUTHENTICATED),
    )


class Authenticator:
    """Knows the administrator's token and those of living ServiceAccounts."""

    def __init__(
        self, *, admin_token: str, tokens: TokenIssuer, account_uid: AccountUid
    ) -> None:
        self._admin_token = admin_token
        self._tokens = tokens
        self._account_uid = account_uid

    def authenticate(self, token: str) -> User | None:
        """Return who a token of this API server belongs to."""
        found = self.review(token, (self._tokens.issuer,))
        return found and found[0]

    def review(
        self, token: str, audiences: Collection[str]
    ) -> tuple[User, list[str]] | None:
        """Return who a token belongs to and which of `audiences` it is for."""
        if hmac.compare_digest(token.encode(), self._admin_token.encode()):
            return ADMIN, list(audiences)
        claims = self._tokens.verify(token)
        if claims is None:
            return None
        meant = [audience for audience in audiences if audience in claims.audiences]
        # A token outlives neither its account nor a namesake of it.
        alive = self._account_uid(claims.namespace, claims.name) == claims.uid
        if not meant or not alive:
            return None
        return service_account(claims.namespace, claims.name, claims.uid), meant
