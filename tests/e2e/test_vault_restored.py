"""Row 46 of the fault matrix: a Vault that is restored from an older snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.team import PATIENCE, Team
from tests.e2e.test_logins import POLICIES, authenticate, secret_of
from tests.e2e.world import READ_EVERYTHING, Controller, World
from tests.support.conditions import eventually
from tests.support.openbao import OpenBao, Storage
from tests.support.openbao_kv import KeyValue
from tests.support.openbao_methods import AppRoleAuth
from tests.support.oracle.journal import Source
from tests.support.oracle.values import WitnessedValues
from tests.support.proxy import RecordingProxy

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

WENT_BACK = "SecretVersionWentBack"
COUNTER = "vso_vault_versions_gone_back_total"
APPS = ("app-0", "app-1", "app-2")


@dataclass(frozen=True, slots=True)
class DurableVault:
    """An OpenBao that keeps what it is told on disk, for one team."""

    bao: OpenBao
    kv: WitnessedValues
    proxy: RecordingProxy
    team: Team

    async def put(self, **data: str) -> None:
        """Write to the paths of all apps."""
        for name in APPS:
            await self.kv.put(f"{self.team.namespace}/{name}", data)

    async def restore(self, snapshot: bytes, **data: str) -> None:
        """Bring back a snapshot, in which the paths of all apps have this data."""
        await self.bao.restore_snapshot(snapshot)
        journal = self.team.world.observatory.journal
        for name in APPS:
            source = Source(self.kv.mount, f"{self.team.namespace}/{name}")
            journal.value_written(source, data)

    @property
    def logins(self) -> int:
        """How often somebody logged in."""
        return sum(
            one.head.path.endswith("/login") for one in self.proxy.recorder.requests
        )


@asynccontextmanager
async def durable_vault_of(world: World, team: Team) -> AsyncIterator[DurableVault]:
    """Have a team log in to a Vault of its own for the length of the block."""
    watch = world.observatory
    async with (
        OpenBao.start(tls=True, storage=Storage.DISK) as bao,
        RecordingProxy.start(
            bao.address, bao.ca_pem, wrap=watch.vault_tap.around
        ) as proxy,
    ):
        kv = watch.values(await KeyValue.enable(bao.root, "secret"))
        await bao.root.put_policy("app-policy", READ_EVERYTHING)
        method = await AppRoleAuth.enable(bao.root)
        await method.put_role("app", policies=POLICIES)
        login = await method.credentials("app")
        await secret_of(team, "app-id", id=login.secret_id)
        await secret_of(team, "vault-ca", **{"ca.crt": proxy.ca_pem})
        await team.connect(address=proxy.url)
        block = {"roleId": login.role_id, "secretRef": "app-id"}
        await authenticate(team, "appRole", block, mount=method.mount)
        yield DurableVault(bao, kv, proxy, team)
        await team.end()  # while its Vault is there


async def wait_values(team: Team, value: bytes) -> None:
    for name in APPS:
        await team.wait_value("password", value, f"{name}-secret")


async def setbacks_told(team: Team) -> list[str]:
    """Return what Events tell of versions that went back."""
    events = await team.world.admin.list("Event", team.namespace)
    return [each["message"] for each in events if each["reason"] == WENT_BACK]


async def test_row_46_vault_restored_from_a_snapshot_is_believed_and_it_is_told(
    world: World, controller: Controller, team: Team
) -> None:
    async with durable_vault_of(world, team) as vault:
        await vault.put(password="0ld")
        snapshot = await vault.bao.save_snapshot()
        for name in APPS:
            await team.sync(name)
        await wait_values(team, b"0ld")
        await vault.put(password="n3w")
        await wait_values(team, b"n3w")
        logins, counted = vault.logins, await controller.metric(COUNTER)

        await vault.restore(snapshot, password="0ld")
        await wait_values(team, b"0ld")

        async def told() -> None:
            assert len(await setbacks_told(team)) == len(APPS)

        await eventually(told, within=PATIENCE)
        assert vault.logins == logins + 1, "the snapshot does not know our token"
        await vault.put(password="newer")
        await wait_values(team, b"newer")

        messages = await setbacks_told(team)
        assert len(messages) == len(APPS), "each is told once"
        assert all("went back from 2 to 1" in message for message in messages)
        assert await controller.metric(COUNTER) == counted + len(APPS)
        assert vault.logins == logins + 1
        for name in APPS:
            await team.wait_ready(name)
