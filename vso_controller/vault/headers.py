"""The headers of a call: ours, the connection's, the login's, and what none may set."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vso_controller.vault.paths import is_clean
from vso_controller.vault.requests import VaultRequest

_RESERVED = frozenset(
    {
        "x-vault-token",
        "x-vault-namespace",
        "x-vault-request",
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
    request: VaultRequest, *, connection: Mapping[str, str], user_agent: str
) -> dict[str, str]:
    """Return all headers of `request`. Raises ValueError for one that cannot be sent.

    The request's own headers win over the connection's, whatever their case.
    """
    check_headers(request.headers)
    merged = _merged(connection, request.headers)
    merged["User-Agent"] = user_agent
    merged["X-Vault-Request"] = "true"
    merged["Accept"] = "application/json"
    # Bodies are small; what is not compressed cannot be a bomb.
    merged["Accept-Encoding"] = "identity"
    if request.body is not None:
        merged["Content-Type"] = "application/json"
    if namespace := request.namespace.strip("/"):
        merged["X-Vault-Namespace"] = _clean(namespace, "the namespace")
    if request.token is not None:
        merged["X-Vault-Token"] = _clean(request.token.reveal(), "the token")
    return merged


def _merged(*layers: Mapping[str, str]) -> dict[str, str]:
    by_name = {
        name.lower(): (name, value) for layer in layers for name, value in layer.items()
    }
    return dict(by_name.values())


def _clean(value: str, what: str) -> str:
    if not is_clean(value):
        raise ValueError(f"{what} holds control characters")
    return value
