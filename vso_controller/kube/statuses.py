"""From the `Status` document of a failed call, or of a watch, to our errors."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.listwatch import VersionTooLarge
from vso_controller.kube.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    Forbidden,
    NamespaceTerminating,
    NotFound,
    ServerBusy,
    ServerFailed,
    TooManyRequests,
    Unauthorized,
    Unprocessable,
)

LONGEST_QUOTE = 256  # characters of the server's own words in a message
LONGEST_REST = 600.0  # seconds; a longer Retry-After is a mistake or worse
_USUAL_REST = 1.0  # seconds, when who asks for a rest does not say how long

_BY_CODE: dict[int, type[OperationFailed]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: ServerFailed,
    409: Conflict,
    410: Expired,
}
_BY_REASON: dict[tuple[int, str], type[OperationFailed]] = {
    (409, "AlreadyExists"): AlreadyExists,
    (403, "NamespaceTerminating"): NamespaceTerminating,
}
_TOO_LARGE = "ResourceVersionTooLarge"  # the cause of a 504
_CLIENT_ERRORS = range(400, 500)
_WEBHOOK = "admission webhook "


class Cause(msgspec.Struct):
    """One entry of `details.causes`."""

    reason: str = ""


class Details(msgspec.Struct):
    """The details of a `Status`."""

    causes: list[Cause] | None = None
    retry_after: float = msgspec.field(name="retryAfterSeconds", default=0.0)


class Status(msgspec.Struct):
    """What a `v1` `Status` says, as far as we listen."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: Details | None = None


def read_status(document: bytes) -> Status:
    """Read a `Status`; anything else is one that says nothing."""
    try:
        return _STATUSES.decode(document)
    except msgspec.DecodeError:
        return Status()


def failure(
    call: str, status: Status, *, code: int, retry_after: str = ""
) -> OperationFailed:
    """Return the error for `status`, answered to `call` with the code `code`.

    `retry_after` is the header of that name, "" without one.
    """
    rest = _rest(status, retry_after)
    message = f"{call}: {code} {_quote(code, status)}".rstrip()
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return TooManyRequests(message, retry_after=rest or _USUAL_REST)
    if code == HTTPStatus.GATEWAY_TIMEOUT and _TOO_LARGE in _reasons(status):
        return VersionTooLarge(message, retry_after=rest or _USUAL_REST)
    kind = _kind(code, status)
    if kind is ServerFailed and rest:
        return ServerBusy(message, retry_after=rest)
    return kind(message)


def shorten(text: str) -> str:
    """Return `text` on one line, cut to what a message may quote."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}…"


def _kind(code: int, status: Status) -> type[OperationFailed]:
    for reason in _reasons(status):
        if (code, reason) in _BY_REASON:
            return _BY_REASON[code, reason]
    otherwise = Unprocessable if code in _CLIENT_ERRORS else ServerFailed
    return _BY_CODE.get(code, otherwise)


def _reasons(status: Status) -> list[str]:
    causes = status.details.causes if status.details else None
    return [status.reason, *(cause.reason for cause in causes or ())]


def _quote(code: int, status: Status) -> str:
    # A server that cannot read a request quotes from it, and what we send may be
    # a Secret. Webhooks answer 400 too, and theirs is what the user must see.
    if code == HTTPStatus.BAD_REQUEST and not status.message.startswith(_WEBHOOK):
        return status.reason
    return shorten(status.message or status.reason)


def _rest(status: Status, header: str) -> float:
    told = status.details.retry_after if status.details else 0.0
    seconds = float(header) if header.isascii() and header.isdigit() else told
    return min(max(seconds, 0.0), LONGEST_REST)


_STATUSES = msgspec.json.Decoder(Status)
