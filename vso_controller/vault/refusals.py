"""From an answer of 400 and above to the error that names what happened.

Source: the status codes and error texts of Vault's and OpenBao's HTTP API. A server's
own words get into a message only from a body of Vault's form, `{"errors": [...]}`:
bounded, on one line, and without what the request itself sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from vso_controller.foundation.errors import OperationFailed, Throttled
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import MASK
from vso_controller.vault.errors import (
    AnswerLost,
    IndexNotReady,
    InvalidRequest,
    LeaseNotFound,
    LeaseQuotaReached,
    NotVaultAnswer,
    PathNotFound,
    PermissionDenied,
    RateLimited,
    RouteNotFound,
    SecretVersionDeleted,
    ServerFailed,
    ServerNotInitialized,
    ServerSealed,
    StandbyAnswered,
)
from vso_controller.vault.messages import printable
from vso_controller.vault.requests import Operation, VaultRequest

DEFAULT_REST = 5.0
"""Seconds to rest after a 429 that does not say how long."""

LEASE_QUOTA_REST = 60.0
"""Seconds to rest where there are too many leases: they end no sooner."""

SHORTEST_REST = 1.0
"""Seconds. OpenBao rounds down: it says 0 for what is left of a second."""

LONGEST_REST = 300.0
"""Seconds; a server that asks for more is not believed."""

_GATEWAY_GAVE_UP = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_STANDBY_STATUSES = frozenset({472, 473, 474, 530})
_HEALTH = ("sys", "health")
_SHORTEST_SECRET = 4  # shorter values would blank out ordinary words
_PLAIN_FIELDS = frozenset({"role"})  # sent in bodies, and no secret
_TEXT_EXAMINED = 65_536  # characters of a server's text


def error_of(
    request: VaultRequest,
    status: int,
    document: dict[str, JSONValue],
    *,
    about: str,
    retry_after: str,
) -> OperationFailed:
    """Return the error that an answer stands for; `{}` for a body that is none.

    `about` begins every message: what was asked, and where.
    """
    text = _server_text(request, document)
    is_health = request.path == _HEALTH  # where a standby says 429, and no quota
    if status == HTTPStatus.TOO_MANY_REQUESTS and not is_health:
        return _over_quota(text, about=about, retry_after=retry_after)
    metadata = _deleted_metadata(document)
    if status == HTTPStatus.NOT_FOUND and metadata is not None:
        return deleted_version(metadata, about=about)
    refusal = _Refusal(
        status=status,
        is_vaults="errors" in document or "request_id" in document,
        repeatable=request.repeatable,
        is_login=request.operation is Operation.LOGIN,
        is_health=is_health,
        text=text,
        asks_for_kv2="versioned K/V" in str(document.get("warnings")),
    )
    kind, advice = next(
        (kind, advice) for applies, kind, advice in _RULES if applies(refusal)
    )
    words = f": {refusal.text}" if refusal.text else ""
    return kind(f"{about}: {advice} ({status}{words})")


def deleted_version(
    metadata: dict[str, JSONValue], *, about: str
) -> SecretVersionDeleted:
    """Return the error for a kv-v2 version without data, by what its metadata says."""
    deletion_time = printable(str(metadata.get("deletion_time") or ""))
    destroyed = metadata.get("destroyed") is True
    what = (
        "destroyed" if destroyed else f"deleted at {deletion_time or 'a time unknown'}"
    )
    return SecretVersionDeleted(
        f"{about}: this version of the secret was {what}; write a new one",
        deletion_time=deletion_time,
        destroyed=destroyed,
    )


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An answer of 400 and above."""

    status: int
    is_vaults: bool
    repeatable: bool
    is_login: bool
    is_health: bool
    text: str  # Vault's own words, fit to print; "" if it said none
    asks_for_kv2: bool

    def says(self, *phrases: str) -> bool:
        text = self.text.lower()
        return any(phrase in text for phrase in phrases)


_Rule = tuple[Callable[[_Refusal], bool], type[OperationFailed], str]

# In order of precedence: the first rule that applies names the error.
_RULES: tuple[_Rule, ...] = (
    (
        lambda it: it.status == HTTPStatus.SERVICE_UNAVAILABLE and it.says("sealed"),
        ServerSealed,
        "Vault is sealed and must be unsealed",
    ),
    (
        lambda it: (
            it.status == HTTPStatus.NOT_IMPLEMENTED or it.says("not yet initialized")
        ),
        ServerNotInitialized,
        "Vault is not initialized",
    ),
    (
        lambda it: (
            it.status in _STANDBY_STATUSES
            or (it.status == HTTPStatus.TOO_MANY_REQUESTS and it.is_health)
            or it.says("local node not active")
        ),
        StandbyAnswered,
        "a standby or secondary node answered; use the address of the active one",
    ),
    (
        lambda it: it.status in _GATEWAY_GAVE_UP and not it.repeatable,
        AnswerLost,
        "a gateway gave up on Vault's answer, so it is not known what happened",
    ),
    (
        lambda it: it.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        ServerFailed,
        "the server failed",
    ),
    (
        lambda it: not it.is_vaults,
        NotVaultAnswer,
        "this is not an answer of Vault's; check the address, and proxies on the way",
    ),
    (
        lambda it: it.status == HTTPStatus.FORBIDDEN and it.is_login,
        PermissionDenied,
        "Vault refused the credentials",
    ),
    (
        lambda it: it.status == HTTPStatus.FORBIDDEN,
        PermissionDenied,
        "permission denied; the policies of this identity must allow it",
    ),
    (
        lambda it: it.asks_for_kv2,
        InvalidRequest,
        "the mount holds kv version 2 and was read as version 1",
    ),
    (
        lambda it: (
            it.status == HTTPStatus.NOT_FOUND
            and it.says("no handler for route", "namespace not found")
        ),
        RouteNotFound,
        "there is no such mount or namespace",
    ),
    (
        lambda it: it.status == HTTPStatus.NOT_FOUND,
        PathNotFound,
        "nothing is stored there",
    ),
    (
        lambda it: it.status == HTTPStatus.PRECONDITION_FAILED,
        IndexNotReady,
        "this node does not have the required state yet",
    ),
    (
        lambda it: it.says("lease not found"),
        LeaseNotFound,
        "the lease has ended or was revoked",
    ),
    (
        lambda _: True,
        InvalidRequest,
        "Vault refused the request as invalid",
    ),
)


def _over_quota(text: str, *, about: str, retry_after: str) -> Throttled:
    if "lease count quota" in text.lower():
        return LeaseQuotaReached(
            f"{about}: there are as many leases as a quota of Vault's allows (429)",
            retry_after=_rest(retry_after, default=LEASE_QUOTA_REST),
        )
    return RateLimited(
        f"{about}: too many requests for a quota of Vault's (429)",
        retry_after=_rest(retry_after, default=DEFAULT_REST),
    )


def _deleted_metadata(document: dict[str, JSONValue]) -> dict[str, JSONValue] | None:
    data = document.get("data")
    if not isinstance(data, dict) or data.get("data") is not None:
        return None
    metadata = data.get("metadata")
    return metadata if isinstance(metadata, dict) else None


def _server_text(request: VaultRequest, document: dict[str, JSONValue]) -> str:
    errors = document.get("errors")
    if not isinstance(errors, list):
        return ""
    text = "; ".join(item for item in errors if isinstance(item, str))[:_TEXT_EXAMINED]
    for value in _secrets_sent(request):
        text = text.replace(value, MASK)
    return printable(text)


def _secrets_sent(request: VaultRequest) -> Iterator[str]:
    """Yield what a server might echo."""
    if request.token is not None:
        yield request.token.reveal()
    body = request.body.reveal() if request.body is not None else {}
    for field, value in body.items():
        is_text = isinstance(value, str) and field not in _PLAIN_FIELDS
        if is_text and len(value) >= _SHORTEST_SECRET:
            yield value


def _rest(retry_after: str, *, default: float) -> float:
    """Read Retry-After. Only its form in seconds is known here."""
    if not retry_after.isdecimal() or not retry_after.isascii():
        return default
    return min(max(float(retry_after), SHORTEST_REST), LONGEST_REST)
