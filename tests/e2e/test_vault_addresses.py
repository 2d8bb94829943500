"""Stories of VaultConnections that would lead where no Vault may be."""

from __future__ import annotations

import pytest

from tests.e2e.team import Team
from tests.e2e.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def refused(team: Team) -> str:
    return await team.wait_condition(
        "False", "VaultAddressNotAllowed", kind="VaultConnection", name="vault"
    )


async def test_metadata_service_is_no_vault(team: Team) -> None:
    await team.put(password="s3cret")
    await team.connect(address="http://169.254.169.254")
    await team.sync()

    assert "--vault-address-allow" in await refused(team)
    await team.wait_condition("False", "VaultAddressNotAllowed")
    await team.connect()

    await team.wait_ready()


async def test_only_what_the_list_has_is_connected_to(alone: World) -> None:
    async with alone.controller("--vault-address-allow=*.vault.svc,127.0.0.0/8"):
        team = await alone.team()
        await team.put(password="s3cret")
        await team.connect(address="https://vault.invalid:8200")
        await team.sync()

        await team.wait_condition("False", "VaultUnreachable")
        await team.connect(address="https://192.0.2.1:8200")
        assert "192.0.2.1" in await refused(team)
        await team.connect()

        await team.wait_ready()
        await team.end()
