"""What `sys/seal-status` says."""

from __future__ import annotations

import pytest

from tests.fakes.vault_server import ScriptedServer, says_json
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import NotVaultAnswer
from vso_controller.vault.system import SealStatus, seal_status


async def test_seal_status_is_asked_without_a_token(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda _: says_json(
        {"sealed": True, "initialized": True, "version": "2.7.2", "t": 1, "n": 1}
    )

    status = await seal_status(client)

    assert status == SealStatus(sealed=True, initialized=True, version="2.7.2")
    assert server.asked[0].target == "/v1/sys/seal-status"
    assert "x-vault-token" not in server.asked[0].headers


async def test_other_json_is_no_seal_status(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda _: says_json({"sealed": "canary", "initialized": True})

    with pytest.raises(NotVaultAnswer) as failed:
        await seal_status(client)

    assert "canary" not in f"{failed.value!r} {failed.value.__cause__!r}"
