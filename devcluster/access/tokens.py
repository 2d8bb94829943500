"""ServiceAccount tokens: signed JWTs as TokenRequest gives them out."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import jwt
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from devcluster.clock import Now
from devcluster.objects.json import Object

_ALGORITHM = "ES256"
_CLAIMS = "kubernetes.io"
_REMEMBERED = 4096  # verified tokens: a signature costs more than a look-up


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token of ours says."""

    namespace: str
    name: str
    uid: str
    audiences: frozenset[str]
    not_before: float
    expiry: float


class _Named(msgspec.Struct):
    name: str
    uid: str


class _Kubernetes(msgspec.Struct):
    namespace: str
    serviceaccount: _Named


class _Payload(msgspec.Struct):
    aud: list[str]
    exp: int
    nbf: int
    kubernetes: _Kubernetes = msgspec.field(name=_CLAIMS)


class TokenIssuer:
    """Signs and verifies with a key of its own, made at start."""

    def __init__(self, *, issuer: str, now: Now, random: Random) -> None:
        self.issuer = issuer
        self._now = now
        self._random = random
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._key_id = _key_id(self._key.public_key())
        self._decode = lru_cache(_REMEMBERED)(self._decode_signed)

    def issue(
        self,
        *,
        namespace: str,
        name: str,
        uid: str,
        audiences: Sequence[str],
        seconds: int,
    ) -> tuple[str, float]:
        """Return a token and the end of its life (seconds since the epoch)."""
        issued = int(self._now())
        payload = {
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": list(audiences) or [self.issuer],
            "iat": issued,
            "nbf": issued,
            "exp": issued + seconds,
            "jti": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            _CLAIMS: {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": uid},
            },
        }
        headers = {"kid": self._key_id}
        token = jwt.encode(payload, self._key, algorithm=_ALGORITHM, headers=headers)
        return token, issued + seconds

    def verify(self, token: str) -> Claims | None:
        """Return what a token says, None unless it is ours and valid now."""
        claims = self._decode(token)
        if claims is None or not claims.not_before <= self._now() < claims.expiry:
            return None
        return claims

    def jwks(self) -> Object:
        """Return the public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "use": "sig",
            "kty": "EC",
            "kid": self._key_id,
            "crv": "P-256",
            "alg": _ALGORITHM,
            "x": _base64url(numbers.x.to_bytes(32)),
            "y": _base64url(numbers.y.to_bytes(32)),
        }
        return {"keys": [key]}

    def _decode_signed(self, token: str) -> Claims | None:
        try:
            # Times are judged by the injected clock, audiences by the caller.
            decoded = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                issuer=self.issuer,
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
            payload = msgspec.convert(decoded, _Payload)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            return None
        return Claims(
            namespace=payload.kubernetes.namespace,
            name=payload.kubernetes.serviceaccount.name,
            uid=payload.kubernetes.serviceaccount.uid,
            audiences=frozenset(payload.aud),
            not_before=payload.nbf,
            expiry=payload.exp,
        )


def _key_id(key: ec.EllipticCurvePublicKey) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return _base64url(digest.finalize())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
