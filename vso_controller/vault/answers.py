"""From an HTTP answer to a reply, or to the error that names what happened.

Source: the status codes and error texts of Vault's and OpenBao's HTTP API. A server's
own words get into a message only from a body of Vault's form, `{"errors": [...]}`:
bounded, on one line, and without what the request itself sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from vso_controller.foundation import gojson
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import MASK, Secret
from vso_controller.vault.errors import (
    AnswerLost,
    IndexNotReady,
    InvalidRequest,
    LeaseNotFound,
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
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest

DEFAULT_REST = 5.0
"""Seconds to rest after a 429 that does not say how long."""

SHORTEST_REST = 1.0
"""Seconds. OpenBao rounds down: it says 0 for what is left of a second."""

LONGEST_REST = 300.0
"""Seconds; a server that asks for more is not believed."""

# More than any secret has. Four million numbers would hold the event loop for 2 s.
_MOST_COMMAS = 1_000_000
_GATEWAY_GAVE_UP = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_STANDBY_STATUSES = frozenset({472, 473, 474})
_SHORTEST_SECRET = 4  # shorter values would blank out ordinary words
_PLAIN_FIELDS = frozenset({"role"})  # sent in bodies, and no secret
_TEXT_EXAMINED = 65_536  # characters of a server's text


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as Vault's client cares."""

    status: int
    content_type: str
    body: Secret[bytes]
    retry_after: str = ""
    location: str = ""


def read_answer(request: VaultRequest, answer: Answer, *, about: str) -> VaultReply:
    """Return what a successful answer says, or raise what went wrong.

    `about` begins every message: what was asked, and where.
    """
    if answer.status == HTTPStatus.NO_CONTENT:
        return VaultReply(status=answer.status, document=Secret({}))
    document = _parse(answer)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise _error(request, answer, document, about)
    if document is None:
        raise unreadable(request, about, "the answer is not JSON as Vault sends it")
    return VaultReply(status=answer.status, document=Secret(document))


def unreadable(request: VaultRequest, about: str, why: str) -> OperationFailed:
    """Return the error for an answer that came and could not be read."""
    if request.repeatable:
        return NotVaultAnswer(
            f"{about}: {why}; check the address, and proxies on the way"
        )
    return AnswerLost(f"{about}: {why}, so it is not known what happened")


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


def _parse(answer: Answer) -> dict[str, JSONValue] | None:
    if answer.content_type != "application/json":
        return None
    body = answer.body.reveal()
    if body.count(b",") > _MOST_COMMAS:
        return None
    try:
        document = gojson.loads(body)
    except ValueError:
        # Not chained on purpose: the parser's errors carry the document.
        return None
    return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An answer of 400 and above."""

    status: int
    is_vaults: bool
    repeatable: bool
    is_login: bool
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
        lambda it: it.status in _STANDBY_STATUSES,
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


def _error(
    request: VaultRequest,
    answer: Answer,
    document: dict[str, JSONValue] | None,
    about: str,
) -> OperationFailed:
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(
            f"{about}: too many requests for a quota of Vault's ({answer.status})",
            retry_after=_rest(answer.retry_after),
        )
    document = document or {}
    metadata = _deleted_metadata(document)
    if answer.status == HTTPStatus.NOT_FOUND and metadata is not None:
        return deleted_version(metadata, about=about)
    refusal = _Refusal(
        status=answer.status,
        is_vaults="errors" in document or "request_id" in document,
        repeatable=request.repeatable,
        is_login=request.operation is Operation.LOGIN,
        text=_server_text(request, document),
        asks_for_kv2="versioned K/V" in str(document.get("warnings")),
    )
    kind, advice = next(
        (kind, advice) for applies, kind, advice in _RULES if applies(refusal)
    )
    words = f": {refusal.text}" if refusal.text else ""
    return kind(f"{about}: {advice} ({answer.status}{words})")


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


def _rest(retry_after: str) -> float:
    """Read Retry-After. Only its form in seconds is known here."""
    if not retry_after.isdecimal() or not retry_after.isascii():
        return DEFAULT_REST
    return min(max(float(retry_after), SHORTEST_REST), LONGEST_REST)
