"""The headers of a call: ours, what users add to them, and what none may set."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vso_controller.vault.paths import check_namespace, is_clean
from vso_controller.vault.requests import VaultRequest

_RESERVED = frozenset(
    {
        "x-vault-token",
        "x-vault-namespace",
        "x-vault-request",
        "x-vault-index",
        "x-correlation-id",
        "host",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
CORRELATION = "X-Correlation-Id"
"""Carries the name of a call. Vault writes it to its audit log where it is told to."""
INDEX = "X-Vault-Index"
"""Names a state of a cluster: what a write led to, what a read must be shown."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110


def check_headers(headers: Mapping[str, str]) -> None:
    """Check headers that a user chose. Raises ValueError, which shows no value."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("a header's name has characters that HTTP does not allow")
        if name.lower() in _RESERVED:
            raise ValueError(f"the header {name} cannot be set here")
        if not is_clean(value):
            raise ValueError(f"the header {name} holds control characters")


def headers_of(
    request: VaultRequest,
    *,
    connection: Mapping[str, str],
    user_agent: str,
    correlation_id: str,
) -> dict[str, str]:
    """Return all headers of `request`. Raises ValueError for one that cannot be sent.

    The request's own headers win over the connection's, and ours over both, whatever
    their case.
    """
    check_headers(request.headers)
    ours = {
        "User-Agent": user_agent,
        CORRELATION: correlation_id,
        "Accept": "application/json",
        # Bodies are small; what is not compressed cannot be a bomb.
        "Accept-Encoding": "identity",
        **_for_vault(request),
    }
    return _merged(connection, request.headers, ours)


def _for_vault(request: VaultRequest) -> dict[str, str]:
    headers = {"X-Vault-Request": "true"}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if namespace := check_namespace(request.namespace):
        headers["X-Vault-Namespace"] = namespace
    if request.token is not None:
        headers["X-Vault-Token"] = _clean(request.token.reveal(), "the token")
    if request.index:
        headers[INDEX] = _clean(request.index, "the index")
    return headers


def _merged(*layers: Mapping[str, str]) -> dict[str, str]:
    by_name = {
        name.lower(): (name, value) for layer in layers for name, value in layer.items()
    }
    return dict(by_name.values())


def _clean(value: str, what: str) -> str:
    if not is_clean(value):
        raise ValueError(f"{what} holds control characters")
    return value
