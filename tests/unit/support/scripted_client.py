"""The product's client before a scripted Vault, and one good request to vary."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.scriptedvault.server import ScriptedVault
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.client import VaultClient
from vso_controller.vault.requests import Method, Operation, VaultRequest
from vso_controller.vault.tls import build_tls


def client_of(vault: ScriptedVault, *, address: str = "") -> VaultClient:
    """Return a client of `vault`; `address` "" is where it listens."""
    return VaultClient(
        address=address or vault.address,
        user_agent="vso/test",
        clock=SystemClock(),
        tls=None if vault.ca_pem is None else build_tls(ca_pem=vault.ca_pem.encode()),
    )


def read_of(
    vault: ScriptedVault,
    path: str = "secret/data/app",
    *,
    namespace: str = "",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    index: str = "",
) -> VaultRequest:
    """Return a read with the root token."""
    return VaultRequest(
        operation=Operation.READ,
        method=Method.GET,
        path=tuple(path.split("/")),
        repeatable=True,
        query=query or {},
        namespace=namespace,
        token=Secret(vault.tokens.root),
        headers=headers or {},
        index=index,
    )


def login_at(mount: str, body: dict[str, JSONValue]) -> VaultRequest:
    """Return a login with `body`, which is sent without a token."""
    return VaultRequest(
        operation=Operation.LOGIN,
        method=Method.PUT,
        path=("auth", mount, "login"),
        repeatable=False,
        body=Secret(body),
    )
