"""Leases of a real database, and the tokens that they hang on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest

from tests.fakes.vault_transport import LoginLog
from tests.support.conditions import eventually
from tests.support.openbao import OpenBao
from tests.support.openbao_database import DatabaseEngine
from tests.support.openbao_methods import AppRoleAuth
from tests.support.postgres import Login, Postgres, QueryRefused
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.secret import Secret
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import LeaseNotFound
from vso_controller.vault.ports import LoginRequest
from vso_controller.vault.requests import Method
from vso_controller.vault.session import VaultSession
from vso_controller.vault.tenure import Issued

pytestmark = pytest.mark.timeout(60)

PATIENCE = 15.0  # seconds
TTL = 2.0
"""Seconds that a token lives if it is not renewed. A lease would live for an hour."""
ROLE = ("database", "creds", "app")
POLICY = """
path "database/creds/app" { capabilities = ["read"] }
path "sys/leases/renew" { capabilities = ["update"] }
"""


class World:
    """A database, a Vault before it, and a session that logs in by an AppRole."""

    def __init__(
        self,
        *,
        bao: OpenBao,
        postgres: Postgres,
        engine: DatabaseEngine,
        method: AppRoleAuth,
        client: VaultClient,
    ) -> None:
        self.bao = bao
        self.postgres = postgres
        self.engine = engine
        self._method = method
        self.session = VaultSession(
            transport=client,
            login=self,
            clock=SystemClock(),
            random=Random(7),  # noqa: S311 - spreads rests, keeps no secret
            observer=LoginLog(),
        )

    @classmethod
    @asynccontextmanager
    async def start(cls, **options: object) -> AsyncIterator[World]:
        """Run both servers, and renew what is due; `options` are the role's."""
        async with AsyncExitStack() as stack:
            postgres = await stack.enter_async_context(Postgres.start())
            bao = await stack.enter_async_context(OpenBao.start())
            engine = await DatabaseEngine.enable(bao.root, postgres)
            await engine.put_role("app")
            await bao.root.put_policy("app", POLICY)
            method = await AppRoleAuth.enable(bao.root)
            ttl = f"{TTL:.0f}s"
            await method.put_role("app", policies=["app"], ttl=ttl, **options)
            client = VaultClient(
                address=bao.address, user_agent="vso/test", clock=SystemClock()
            )
            await stack.enter_async_context(client)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            world = cls(
                bao=bao, postgres=postgres, engine=engine, method=method, client=client
            )
            renewing = group.create_task(world._keep_alive())
            stack.callback(renewing.cancel)
            yield world

    async def credentials(self) -> LoginRequest:
        """Return another secret ID each time, as after a rotation."""
        one = await self._method.credentials("app")
        body = Secret({"role_id": one.role_id, "secret_id": one.secret_id})
        return LoginRequest(mount=self._method.mount, body=body)

    async def issue(self) -> Issued:
        return await self.session.issue(ROLE, method=Method.GET)

    async def works(self, issued: Issued) -> bool:
        """Whether the database lets in who was issued this."""
        data = issued.reply.document.reveal()["data"]
        assert isinstance(data, dict)
        login = Login(user=str(data["username"]), password=str(data["password"]))
        try:
            return await self.postgres.query("SELECT 1", login=login) == ["1"]
        except QueryRefused:
            return False

    async def _keep_alive(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due = self.session.next_renewal
            await asyncio.sleep(0.05 if due is None else max(0.02, due - now()))
            await self.session.renew()


def lease_of(issued: Issued) -> str:
    return str(issued.reply.document.reveal()["lease_id"])


async def test_lease_outlives_a_new_login_as_long_as_its_token_is_held() -> None:
    async with World.start() as world:
        former = await world.issue()
        assert await world.session.reconsider() is True
        current = await world.issue()
        assert former.hold.client_id != current.hold.client_id

        await asyncio.sleep(2 * TTL)
        for each in (former, current):
            await each.hold.renew_lease(lease_of(each), increment=3600)
            assert await world.works(each)
        former.hold.release()

        async def ended() -> None:
            assert not await world.works(former)

        await eventually(ended, within=PATIENCE)
        assert await world.works(current)
        with pytest.raises(LeaseNotFound):
            await former.hold.renew_lease(lease_of(former), increment=3600)


async def test_end_of_a_token_is_known_before_it_takes_its_leases_along() -> None:
    async with World.start(token_max_ttl="5s") as world:
        issued = await world.issue()

        async def known() -> None:
            assert issued.hold.is_final

        await eventually(known, within=PATIENCE)
        assert await world.works(issued)
        clock = SystemClock()
        left = issued.hold.ends - clock.boot()
        assert 0 < left < TTL

        async def replaced() -> None:
            assert world.session.client_id != issued.hold.client_id

        await eventually(replaced, within=PATIENCE)
        assert await world.works(issued), "the new login was in time"
        successor = await world.issue()
        await asyncio.sleep(max(0, issued.hold.ends - clock.boot()) + 1)
        assert not await world.works(issued)
        assert await world.works(successor)
