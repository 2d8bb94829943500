"""The answers that a server, or what stands before it, gives when it cannot serve."""

from __future__ import annotations

import json
from http import HTTPStatus

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""From status codes to `metav1.StatusReason`."""

HTML = b"<!DOCTYPE html><html><body><h1>Welcome to the proxy</h1></body></html>"


def status_document(
    code: int, message: str = "", *, retry_after: int | None = None
) -> bytes:
    """Return a Kubernetes `Status` of failure. `retry_after` is in seconds."""
    details = {} if retry_after is None else {"retryAfterSeconds": retry_after}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "code": code,
            "reason": _REASONS.get(code, ""),
            "message": message or phrase(code),
            "details": details,
        }
    ).encode()


def error_event(code: int, message: str = "") -> bytes:
    """Return the line with which the server of a watch tells of a failure."""
    status = json.loads(status_document(code, message))
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def vault_errors(*messages: str) -> bytes:
    """Return what a Vault answers to a request that failed."""
    return json.dumps({"errors": messages}).encode()


def phrase(code: int) -> str:
    """Return what HTTP calls a status code; "" for one that it does not know."""
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return ""
