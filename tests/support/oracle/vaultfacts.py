"""What a request to Vault says, read from its content.

The paths and fields are those of Vault's HTTP API: `/sys/leases/*`,
`/auth/token/*`, logins, and the answers that carry a lease or a certificate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from tests.support.oracle.acts import Granted, Issued, VaultAct
from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.heard import Document, Heard
from tests.support.requestlog import RequestHead

_NO_CREDENTIAL = frozenset(
    {"ca_chain", "expiration", "issuing_ca", "private_key_type", "ttl"}
)
"""Fields of an issued credential that others share: they tell nothing apart."""


@dataclass(frozen=True, slots=True)
class VaultFacts:
    """Reads acts out of exchanges with a Vault.

    `now` tells wall time, in which certificates say when they end.
    """

    fingerprints: Fingerprints
    now: Callable[[], float]

    def listens_to(self, head: RequestHead) -> bool:
        """Whether the content of such a request is wanted: all answers are short."""
        return True

    def read(self, heard: Heard) -> VaultAct:
        """Return what the exchange was about."""
        path = unquote(heard.head.path).removeprefix("/v1/")
        act = VaultAct(
            head=heard.head,
            who=heard.who,
            at=heard.at,
            status=heard.status,
            answered=heard.answered,
            path=path,
        )
        if not heard.succeeded:
            return act
        return replace(
            _with_ends(act, heard.asked),
            issued=self._issued(heard),
            granted=self._granted(heard),
            renewed=_renewed(path, heard.told),
        )

    def tokens(self, heard: Heard) -> list[str]:
        """Return the tokens that the answer gives away."""
        token = _auth(heard.told).get("client_token")
        return [token] if isinstance(token, str) and token else []

    def _issued(self, heard: Heard) -> Issued | None:
        if heard.head.path.startswith("/v1/sys/"):
            return None  # a renewal carries a lease and issues none
        match heard.told:
            case {"lease_id": str(lease), "lease_duration": seconds, "data": data} if (
                lease
            ):
                return Issued(lease, seconds, self._fields(data))
            case {"data": {"serial_number": str(serial), "expiration": end} as data}:
                left = end - self.now()
                return Issued(serial, left, self._fields(data), is_certificate=True)
            case _:
                return None

    def _fields(self, data: Mapping[str, object] | None) -> dict[str, str]:
        return {
            name: self.fingerprints.of(_as_bytes(value))
            for name, value in (data or {}).items()
            if name not in _NO_CREDENTIAL
        }

    def _granted(self, heard: Heard) -> Granted | None:
        auth = _auth(heard.told)
        if not auth:
            return None
        token = auth.get("client_token") or ""
        name = self.fingerprints.of(token.encode()) if token else heard.who
        return Granted(name, auth.get("lease_duration", 0))


def _with_ends(act: VaultAct, asked: Document) -> VaultAct:
    """Return the act with what it revoked."""
    lease: str = asked.get("lease_id", "")
    match act.path.split("/"):
        case ["sys", "leases", "revoke"] | ["sys", "revoke"]:
            return replace(act, revoked=frozenset({lease}))
        case ["sys", "leases", "revoke", *parts]:
            return replace(act, revoked=frozenset({"/".join(parts)}))
        case ["sys", "leases", "revoke-prefix" | "revoke-force", *parts]:
            return replace(act, revoked_prefix="/".join(parts))
        case ["auth", "token", "revoke-self"]:
            return replace(act, ends_token=True)
        case [*_, "revoke"] if "serial_number" in asked:
            return replace(act, revoked=frozenset({asked["serial_number"]}))
        case _:
            return act


def _renewed(path: str, told: Document) -> dict[str, float]:
    if not path.startswith(("sys/leases/renew", "sys/renew")):
        return {}
    match told:
        case {"lease_id": str(lease), "lease_duration": seconds}:
            return {lease: seconds}
        case _:
            return {}


def _auth(told: Document) -> Document:
    auth = told.get("auth")
    return auth if isinstance(auth, dict) else {}


def _as_bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
