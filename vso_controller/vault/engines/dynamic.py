"""Credentials that any engine issues: one call to any path, and what it answers.

Source: the HTTP API documentation of the secrets engines, which agree on this: what is
issued is the `data` of the answer, and its lease stands beside it. Some issue on a GET,
some take parameters with a PUT, and to Vault PUT and POST are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import NoData
from vso_controller.vault.leases import GrantedLease, read_lease
from vso_controller.vault.paths import split_path
from vso_controller.vault.requests import Method, VaultReply

Document = Secret[dict[str, JSONValue]]


@dataclass(frozen=True, slots=True)
class DynamicQuestion:
    """What is asked of an engine."""

    path: tuple[str, ...]
    method: Method
    body: Document | None


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """What an engine issued."""

    data: Document
    lease: GrantedLease


def question(
    *, mount: str, path: str, method: str, params: Mapping[str, str]
) -> DynamicQuestion:
    """Return the call for `<mount>/<path>`; with `params` it is a PUT, as upstream's.

    `method` is that of the spec, "" for none.
    """
    segments = (*split_path(mount), *split_path(path))
    if params:
        return DynamicQuestion(segments, Method.PUT, Secret(dict(params)))
    if method in {"", Method.GET}:
        return DynamicQuestion(segments, Method.GET, None)
    return DynamicQuestion(segments, Method.PUT, Secret({}))


def read_issued(reply: VaultReply) -> IssuedCredentials:
    """Return what an answer brought. Raises NoData, NotVaultAnswer."""
    data = reply.member("data")
    if data is None:
        raise NoData("Vault answered without data: nothing was issued at this path")
    return IssuedCredentials(data, read_lease(reply))
