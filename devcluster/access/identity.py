"""Who asks: bearer tokens to users, and the tokens that TokenRequest gives out."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from devcluster.clock import Outside
from devcluster.kinds.builtins import SERVICE_ACCOUNTS
from devcluster.objects.json import Object, decode
from devcluster.storage.objects import ObjectKey, Stored
from devcluster.storage.store import Store

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
ACCOUNT_PREFIX = "system:serviceaccount:"
_ALGORITHM = "ES256"
_REMEMBERED = 4096  # verified tokens: a signature costs more than a look-up


@dataclass(frozen=True, slots=True)
class User:
    """An identity with its groups."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()

    def as_json(self) -> Object:
        """Return the identity as reviews spell it."""
        return {"username": self.name, "uid": self.uid, "groups": list(self.groups)}


ADMIN = User("kubernetes-admin", "kubernetes-admin", (MASTERS, AUTHENTICATED))


def user_named(name: str, uid: str = "") -> User:
    """Return the identity of a user, or of the ServiceAccount that the name tells."""
    groups: tuple[str, ...] = (AUTHENTICATED,)
    if name.startswith(ACCOUNT_PREFIX):
        namespace, _, _ = name.removeprefix(ACCOUNT_PREFIX).partition(":")
        accounts = "system:serviceaccounts"
        groups = (accounts, f"{accounts}:{namespace}", AUTHENTICATED)
    return User(name, uid, groups)


class Identities:
    """Knows the administrator's token and those of living ServiceAccounts.

    It signs and verifies with a key of its own, made at start.
    """

    def __init__(
        self, *, issuer: str, admin_token: str, store: Store, outside: Outside
    ) -> None:
        self.issuer = issuer
        self._admin_token = admin_token
        self._accounts = store.collection(SERVICE_ACCOUNTS.collection)
        self._outside = outside
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._key_id = outside.uuid()
        self._decode = lru_cache(_REMEMBERED)(self._decode_signed)

    def issue(
        self, account: Stored, audiences: Sequence[str], seconds: int
    ) -> tuple[str, float]:
        """Return a token of a ServiceAccount and its end (seconds since the epoch)."""
        issued = int(self._outside.now())
        namespace, name = account.key
        whose = {"name": name, "uid": account.uid}
        claims = {
            "iss": self.issuer,
            "sub": f"{ACCOUNT_PREFIX}{namespace}:{name}",
            "aud": list(audiences) or [self.issuer],
            "iat": issued,
            "nbf": issued,
            "exp": issued + seconds,
            "jti": self._outside.uuid(),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": whose},
        }
        headers = {"kid": self._key_id}
        token = jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers=headers)
        return token, issued + seconds

    def authenticate(self, token: str) -> User | None:
        """Return who a token of this API server belongs to."""
        found = self.review(token, (self.issuer,))
        return found and found[0]

    def review(
        self, token: str, audiences: Collection[str]
    ) -> tuple[User, list[str]] | None:
        """Return who a token belongs to and which of `audiences` it is for.

        None unless it is ours, valid now and for one of them.
        """
        if hmac.compare_digest(token.encode(), self._admin_token.encode()):
            return ADMIN, list(audiences)
        claims = self._decode(token)
        if claims is None or not claims["nbf"] <= self._outside.now() < claims["exp"]:
            return None
        meant = [audience for audience in audiences if audience in claims["aud"]]
        # A token outlives neither its account nor a namesake of it.
        said = claims["kubernetes.io"]
        name, uid = said["serviceaccount"]["name"], said["serviceaccount"]["uid"]
        account = self._accounts.get(ObjectKey(said["namespace"], name))
        if not meant or account is None or account.uid != uid:
            return None
        return user_named(claims["sub"], uid), meant

    def jwks(self) -> Object:
        """Return the public key as a JSON Web Key Set."""
        public = self._key.public_key()
        key = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
        return {"keys": [key | {"use": "sig", "kid": self._key_id, "alg": _ALGORITHM}]}

    def _decode_signed(self, token: str) -> Object | None:
        """Return the claims of a token that we signed, None of any other."""
        key = self._key.public_key()
        try:
            # Times are judged by the injected clock, audiences by the caller.
            payload = jwt.PyJWS().decode(token, key, algorithms=[_ALGORITHM])
        except jwt.InvalidTokenError:
            return None
        claims: Object = decode(payload)
        return claims
