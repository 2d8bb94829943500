"""A Vault in memory, without sockets: tokens that live, die and are renewed.

It answers what `vault.session` asks, in the loop's (virtual) time, and counts logins.
Paths can be denied, and each kind of call can be made slow or made to fail.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import (
    InvalidRequest,
    LeaseNotFound,
    PathNotFound,
    PermissionDenied,
)
from vso_controller.vault.ports import Credentials, HeldToken, LoginRequest
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest


class LoopClock:
    """All three clocks run with the event loop.

    `suspended` adds to the boot clock, `skew` to that of the wall.
    """

    def __init__(self) -> None:
        self.suspended = 0.0
        self.skew = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def boot(self) -> float:
        return self.monotonic() + self.suspended

    def now(self) -> float:
        return self.monotonic() + 1_700_000_000 + self.skew


@dataclass(slots=True)
class IssuedToken:
    """A token as the server keeps it; times are the loop's."""

    value: str
    accessor: str
    ends: float
    latest_end: float  # however often it is renewed


@dataclass
class VaultInMemory:
    """A Transport that is its own server. Seconds; a TTL of 0 never ends."""

    ttl: float = 3600
    max_ttl: float = 10**9
    renewable: bool = True
    may_look_up: bool = True
    name: str = ""  # goes into the tokens it issues
    stored: dict[str, object] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    delays: dict[Operation, float] = field(default_factory=dict)
    sealing: dict[str, str] = field(default_factory=dict)  # ciphertext: plaintext
    failures: dict[Operation, OperationFailed] = field(default_factory=dict)
    calls: Counter[Operation] = field(default_factory=Counter)
    requests: list[VaultRequest] = field(default_factory=list)
    tokens: dict[str, IssuedToken] = field(default_factory=dict)
    leases: dict[str, str] = field(default_factory=dict)  # ID to the token's value
    lease_ttl: float = 60
    leases_end: bool = False  # by themselves, and not with their tokens alone
    lease_max_ttl: float = 10**9
    lease_renewable: bool = True
    lease_ends: dict[str, float] = field(default_factory=dict)
    lease_latest: dict[str, float] = field(default_factory=dict)
    may_revoke: bool = True

    @property
    def logins(self) -> int:
        return self.calls[Operation.LOGIN]

    def revoke_all(self) -> None:
        """Forget every token, as an administrator would make it."""
        self.tokens.clear()

    async def request(self, request: VaultRequest) -> VaultReply:
        self.calls[request.operation] += 1
        self.requests.append(request)
        if request.fence is not None:
            request.fence()
        await asyncio.sleep(self.delays.get(request.operation, 0))
        if failure := self.failures.get(request.operation):
            raise failure
        document = self._answer(request)
        return VaultReply(status=200 if document else 204, document=Secret(document))

    def _answer(self, request: VaultRequest) -> dict[str, object]:
        if request.operation is Operation.LOGIN:
            return self._issue()
        token = self._token_of(request)
        if self._is_denied(request):
            raise PermissionDenied("permission denied")
        match request.operation:
            case Operation.READ:
                return self._read(request)
            case Operation.ISSUE:
                return self._issue_lease(request, token)
            case Operation.RENEW_LEASE | Operation.REVOKE_LEASE:
                return self._answer_about_lease(request)
            case Operation.CAPABILITIES:
                return self._capabilities(request)
            case _:
                return self._answer_about(token, request)

    def _is_denied(self, request: VaultRequest) -> bool:
        match request.operation:
            case Operation.READ | Operation.ISSUE:
                return "/".join(request.path) in self.denied
            case Operation.LOOKUP_TOKEN | Operation.CAPABILITIES:
                return not self.may_look_up
            case _:
                return False

    def _answer_about(
        self, token: IssuedToken, request: VaultRequest
    ) -> dict[str, object]:
        match request.operation:
            case Operation.LOOKUP_TOKEN:
                return {"data": self._looked_up(token)}
            case Operation.RENEW_TOKEN:
                return self._renew(token)
            case Operation.REVOKE_TOKEN:
                del self.tokens[token.value]
                return {}
            case Operation.ENCRYPT | Operation.DECRYPT:
                return self._transit(request)
            case _:
                raise PermissionDenied("permission denied")

    def _issue_lease(
        self, request: VaultRequest, token: IssuedToken
    ) -> dict[str, object]:
        number = self.calls[Operation.ISSUE]
        data = {"username": f"user-{number}", "password": f"canary-password-{number}"}
        if not self.lease_ttl:
            return {"lease_id": "", "lease_duration": 0, "data": data}
        lease = f"{'/'.join(request.path)}/{number}"
        self.leases[lease] = token.value
        self.lease_ends[lease] = _now() + self.lease_ttl
        self.lease_latest[lease] = _now() + self.lease_max_ttl
        return self._lease(lease, self.lease_ttl) | {"data": data}

    def living_leases(self) -> set[str]:
        """Return the leases that have not ended, as their tokens have not."""
        return {lease for lease in self.leases if self._lives(lease)}

    def _lives(self, lease: str) -> bool:
        parent = self.tokens.get(self.leases.get(lease, ""))
        return (
            parent is not None
            and parent.ends > _now()
            and (not self.leases_end or self.lease_ends[lease] > _now())
        )

    def _lease(self, lease: str, ttl: float) -> dict[str, object]:
        return {
            "lease_id": lease,
            "lease_duration": int(ttl),
            "renewable": self.lease_renewable,
        }

    def _answer_about_lease(self, request: VaultRequest) -> dict[str, object]:
        if request.operation is Operation.RENEW_LEASE:
            return self._renew_lease(request)
        return self._revoke_lease(request)

    def _revoke_lease(self, request: VaultRequest) -> dict[str, object]:
        if not self.may_revoke:
            raise PermissionDenied("permission denied")
        body = request.body.reveal() if request.body is not None else {}
        self.leases.pop(str(body["lease_id"]), None)
        return {}

    def _renew_lease(self, request: VaultRequest) -> dict[str, object]:
        body = request.body.reveal() if request.body is not None else {}
        lease = str(body["lease_id"])
        if not self._lives(lease):
            raise LeaseNotFound("lease not found")
        asked = float(str(body["increment"]))
        ttl = min(asked, self.lease_latest[lease] - _now())
        self.lease_ends[lease] = _now() + ttl
        return self._lease(lease, ttl)

    def _read(self, request: VaultRequest) -> dict[str, object]:
        path = "/".join(request.path)
        if path not in self.stored:
            raise PathNotFound(path)
        return {"data": self.stored[path]}

    def _transit(self, request: VaultRequest) -> dict[str, object]:
        body = request.body.reveal() if request.body is not None else {}
        if request.operation is Operation.DECRYPT:
            if body["ciphertext"] not in self.sealing:
                raise InvalidRequest("invalid ciphertext")
            return {"data": {"plaintext": self.sealing[body["ciphertext"]]}}
        ciphertext = f"vault:v1:{len(self.sealing)}"
        self.sealing[ciphertext] = body["plaintext"]
        return {"data": {"ciphertext": ciphertext}}

    def _capabilities(self, request: VaultRequest) -> dict[str, object]:
        body = request.body.reveal() if request.body is not None else {}
        paths = body["paths"]
        assert isinstance(paths, list)
        found = {
            path: ["deny"] if path in self.denied else ["read"]
            for path in paths
            if isinstance(path, str)
        }
        return {"data": {"capabilities": [], **found}}

    def _looked_up(self, token: IssuedToken) -> dict[str, object]:
        endless = token.ends == float("inf")
        return {
            "accessor": token.accessor,
            "ttl": 0 if endless else int(token.ends - _now()),
            "creation_ttl": int(self.ttl),
            "expire_time": None if endless else "2030-01-01T00:00:00Z",
            "renewable": self.renewable and not endless,
        }

    def give(self, value: str) -> IssuedToken:
        """Have a token that nobody logged in for, as an administrator makes it."""
        ends = _now() + self.ttl if self.ttl else float("inf")
        token = IssuedToken(value, f"accessor-of-{value}", ends, _now() + self.max_ttl)
        self.tokens[value] = token
        return token

    def _token_of(self, request: VaultRequest) -> IssuedToken:
        value = request.token.reveal() if request.token is not None else ""
        token = self.tokens.get(value)
        if token is None or token.ends <= _now():
            raise PermissionDenied("permission denied")
        return token

    def _issue(self) -> dict[str, object]:
        number = self.logins
        ends = _now() + self.ttl if self.ttl else float("inf")
        token = IssuedToken(
            value=f"canary-token-{self.name}{number}",
            accessor=f"accessor-{number}",
            ends=ends,
            latest_end=_now() + self.max_ttl,
        )
        self.tokens[token.value] = token
        return self._auth(token, self.ttl)

    def _renew(self, token: IssuedToken) -> dict[str, object]:
        if not self.renewable:
            raise InvalidRequest("lease is not renewable")
        ttl = min(self.ttl, token.latest_end - _now())
        token.ends = _now() + ttl
        return self._auth(token, ttl)

    def _auth(self, token: IssuedToken, ttl: float) -> dict[str, object]:
        return {
            "auth": {
                "client_token": token.value,
                "accessor": token.accessor,
                "lease_duration": int(ttl),
                "renewable": self.renewable,
            }
        }


@dataclass
class RoleLogin:
    """A LoginMethod with a role and a password; `failure` stands for missing ones."""

    mount: str = "kubernetes"
    failure: OperationFailed | None = None
    jwt: str = "canary-jwt"
    fetched: int = 0

    async def credentials(self) -> Credentials:
        self.fetched += 1
        if self.failure is not None:
            raise self.failure
        return LoginRequest(
            mount=self.mount, body=Secret({"role": "app", "jwt": self.jwt})
        )


@dataclass
class Presented:
    """A LoginMethod of a token that somebody else has made."""

    value: str

    async def credentials(self) -> Credentials:
        return HeldToken(Secret(self.value))


@dataclass
class LoginLog:
    """A LoginObserver that keeps what it was told."""

    outcomes: list[str] = field(default_factory=list)

    def logged_in(self, outcome: str) -> None:
        self.outcomes.append(outcome)


def _now() -> float:
    return asyncio.get_running_loop().time()
