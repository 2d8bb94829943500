"""What the tests of the Vault layer share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.vault_server import ScriptedServer
from vso_controller.foundation.clock import SystemClock
from vso_controller.vault.client import VaultClient


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().run() as running:
        yield running


@pytest.fixture
async def client(server: ScriptedServer) -> AsyncIterator[VaultClient]:
    async with VaultClient(
        address=server.address, user_agent="vso/test", clock=SystemClock()
    ) as built:
        yield built
