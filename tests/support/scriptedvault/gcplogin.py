"""The login endpoint of the Google Cloud method, and Google as far as it needs one.

Sources: "Google Cloud auth method (API)", login, of Vault's API documentation; the
audience `vault/<role>` is in "Google Cloud auth method", generating JWTs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.scriptedvault.messages import Asked, Document, Said, refusal
from tests.support.scriptedvault.tokens import Tokens, login_reply

_ISSUER = "https://accounts.google.com"
_ALGORITHM = "RS256"


class Google:
    """Signs ID tokens for service accounts, and knows its own."""

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def id_token(self, email: str, *, audience: str, expires: int) -> str:
        """Return an ID token; `expires` is in seconds since the Unix epoch."""
        claims = {
            "iss": _ISSUER,
            "sub": "111111111111111111111",
            "aud": audience,
            "exp": expires,
            "email": email,
            "email_verified": True,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def verified(self, token: str) -> Document:
        """Return the claims of an ID token. Raises jwt.InvalidTokenError."""
        claims: Document = jwt.decode(
            token,
            self._key.public_key(),
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            options={"verify_aud": False, "require": ["aud", "exp", "sub"]},
        )
        return claims


@dataclass(frozen=True, slots=True)
class _Role:
    service_accounts: tuple[str, ...]
    policies: tuple[str, ...]
    ttl: int


class GcpLogin:
    """One enabled Google Cloud method that trusts one `Google`."""

    def __init__(self, *, tokens: Tokens, google: Google, mount: str = "gcp") -> None:
        self._tokens = tokens
        self._google = google
        self._mount = mount
        self._roles: dict[str, _Role] = {}

    def put_role(
        self,
        name: str,
        *,
        service_accounts: Sequence[str],
        policies: Sequence[str] = (),
        ttl: int = 3600,
    ) -> None:
        """Let Google's service accounts log in, by their emails, for `ttl` seconds."""
        self._roles[name] = _Role(tuple(service_accounts), tuple(policies), ttl)

    def __call__(self, asked: Asked) -> Said | None:
        """Answer a login; None for any other request."""
        if asked.path != f"auth/{self._mount}/login" or not asked.is_write:
            return None
        name = asked.body.get("role", "")
        role = self._roles.get(name)
        if role is None:
            return refusal(400, f"role {name!r} not found")
        try:
            claims = self._google.verified(str(asked.body.get("jwt", "")))
        except jwt.InvalidTokenError as error:
            return refusal(400, f"unable to validate the JWT: {error}")
        return self._log_in(name, role, claims)

    def _log_in(self, name: str, role: _Role, claims: Document) -> Said:
        if not str(claims["aud"]).endswith(f"vault/{name}"):
            return refusal(400, f"the audience is not vault/{name}")
        email = str(claims.get("email", ""))
        if email not in role.service_accounts:
            return refusal(400, f"service account {email} is not bound to the role")
        issued = self._tokens.issue(
            policies=("default", *role.policies),
            ttl=role.ttl,
            metadata={
                "role": name,
                "service_account_email": email,
                "service_account_id": str(claims["sub"]),
            },
        )
        return login_reply(issued)
