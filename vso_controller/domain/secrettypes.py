"""What Kubernetes asks of Secrets of its own types, told before anything is written.

The type of a Secret cannot be changed: the old Secret is deleted and another one
is made. If the API server refused that one, both would be gone. Source of the
rules: the Kubernetes documentation of Secret types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from vso_controller.domain.reasons import Failure, Reason

Data = Mapping[str, bytes]
Rule = Callable[[Data], bool]

_MINTING = frozenset(
    {"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}
)
"""Kubernetes gives Secrets of these types credentials of its own."""


def _is_object(document: bytes | None) -> bool:
    try:
        return isinstance(json.loads(document or b""), dict)
    except (ValueError, RecursionError):
        return False


_NEEDS: Mapping[str, tuple[str, Rule]] = {
    "kubernetes.io/basic-auth": (
        "the key username or password",
        lambda data: not data.keys().isdisjoint({"username", "password"}),
    ),
    "kubernetes.io/dockercfg": (
        "a JSON object under the key .dockercfg",
        lambda data: _is_object(data.get(".dockercfg")),
    ),
    "kubernetes.io/dockerconfigjson": (
        "a JSON object under the key .dockerconfigjson",
        lambda data: _is_object(data.get(".dockerconfigjson")),
    ),
    "kubernetes.io/ssh-auth": (
        "something under the key ssh-privatekey",
        lambda data: bool(data.get("ssh-privatekey")),
    ),
    "kubernetes.io/tls": (
        "the keys tls.crt and tls.key",
        lambda data: data.keys() >= {"tls.crt", "tls.key"},
    ),
}


def refusal_of_type(kind: str, data: Data) -> Failure | None:
    """Return why there can be no Secret of the type `kind` with this data."""
    if kind in _MINTING:
        return Failure(
            Reason.INVALID_SPEC,
            f"spec.destination.type: Kubernetes issues credentials for {kind!r}",
        )
    needed, is_met = _NEEDS.get(kind, ("", lambda _: True))
    if is_met(data):
        return None
    return Failure(
        Reason.INVALID_SECRET_DATA, f"a Secret of type {kind!r} needs {needed}"
    )
