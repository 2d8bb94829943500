"""Stories of Vault namespaces: where an identity logs in, and where it reads.

What went over the wire is told by the audit log of Vault itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.team import Team
from tests.e2e.test_logins import POLICIES, authenticate, secret_of
from tests.support.openbao_api import BaoApi
from tests.support.openbao_audit import AuditLog
from tests.support.openbao_kv import KeyValue
from tests.support.openbao_methods import AppRoleAuth, AppRoleLogin

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

MOUNT = "kv"
READ_HERE_AND_BELOW = """
path "kv/data/*" { capabilities = ["read"] }
path "inner/kv/data/*" { capabilities = ["read"] }
"""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A Vault namespace with a key-value engine in it."""

    api: BaoApi
    kv: KeyValue
    team: Team

    @classmethod
    async def create(cls, team: Team, name: str, *, within: BaoApi) -> Namespace:
        api = await within.create_namespace(name)
        return cls(api, await KeyValue.enable(api, MOUNT), team)

    @property
    def path(self) -> str:
        """Its full path, as the header of a request has it."""
        return self.api.namespace

    async def put(self, value: str) -> None:
        """Write to the path that `sync_from` reads; the value becomes a canary.

        The oracle knows entries by mount and path, which are the same in each
        namespace here, so it is not told of them.
        """
        self.team.world.observatory.canaries.add(value, f"{self.path}/{MOUNT}/app")
        await self.kv.put("app", {"password": value})


async def app_role_in(api: BaoApi) -> AppRoleLogin:
    """Have a role in a namespace that may read there and in the one below it."""
    await api.put_policy(POLICIES[0], READ_HERE_AND_BELOW)
    method = await AppRoleAuth.enable(api)
    await method.put_role("app", policies=POLICIES)
    return await method.credentials("app")


async def log_in_at(team: Team, login: AppRoleLogin, namespace: str) -> None:
    """Have the team log in by the AppRole in that namespace."""
    await secret_of(team, "app-id", id=login.secret_id)
    block = {"roleId": login.role_id, "secretRef": "app-id"}
    await authenticate(team, "appRole", block, mount="approle")
    await team.world.admin.patch(
        team.named("VaultAuth", "auth"), {"spec": {"namespace": namespace}}
    )


async def sync_from(
    team: Team, name: str = "app", *, namespace: str | None = None
) -> None:
    await team.sync(name, mount=MOUNT, path="app", namespace=namespace)


@asynccontextmanager
async def audited(team: Team) -> AsyncIterator[AuditLog]:
    """Have Vault write down what it is asked within the block."""
    bao = team.world.bao
    try:
        yield await AuditLog.enable(bao, name=team.namespace)
    finally:
        await bao.root.delete(f"sys/audit/{team.namespace}")


def asked(log: AuditLog, path: str) -> set[str]:
    """Return the namespaces in which a path was asked for."""
    return {one.namespace for one in log.since() if one.path == path}


async def test_namespace_of_the_auth_is_where_it_logs_in_and_reads(team: Team) -> None:
    outer = await Namespace.create(team, team.namespace, within=team.world.bao.root)
    await outer.put("s3cret-of-outer")
    await log_in_at(team, await app_role_in(outer.api), outer.path)

    async with audited(team) as log:
        await sync_from(team)
        await team.wait_value("password", b"s3cret-of-outer")
        await team.wait_ready()

    assert asked(log, "auth/approle/login") == {outer.path}
    assert asked(log, f"{MOUNT}/data/app") == {outer.path}
    await team.remove()


async def test_resource_reads_from_another_namespace_than_it_logs_in_to(
    team: Team,
) -> None:
    outer = await Namespace.create(team, team.namespace, within=team.world.bao.root)
    inner = await Namespace.create(team, "inner", within=outer.api)
    await inner.put("s3cret-of-inner")
    await log_in_at(team, await app_role_in(outer.api), outer.path)

    async with audited(team) as log:
        await sync_from(team, namespace=inner.path)
        await team.wait_value("password", b"s3cret-of-inner")
        await inner.put("n3w-of-inner")
        await team.wait_value("password", b"n3w-of-inner")
        await team.wait_ready()

    assert inner.path == f"{team.namespace}/inner"
    assert asked(log, "auth/approle/login") == {outer.path}
    assert asked(log, f"{MOUNT}/data/app") == {inner.path}
    await team.remove()


async def test_same_path_in_two_namespaces_is_two_questions_of_one_session(
    team: Team,
) -> None:
    outer = await Namespace.create(team, team.namespace, within=team.world.bao.root)
    inner = await Namespace.create(team, "inner", within=outer.api)
    await outer.put("s3cret-of-outer")
    await inner.put("s3cret-of-inner")
    await log_in_at(team, await app_role_in(outer.api), outer.path)

    async with audited(team) as log:
        await sync_from(team, "outer")
        await sync_from(team, "inner", namespace=inner.path)
        await team.wait_value("password", b"s3cret-of-outer", "outer-secret")
        await team.wait_value("password", b"s3cret-of-inner", "inner-secret")
        logins = log.count("auth/approle/login")

    assert logins == 1
    assert asked(log, f"{MOUNT}/data/app") == {outer.path, inner.path}
    await team.remove()


async def test_token_reaches_no_namespace_that_its_policies_do_not_name(
    team: Team,
) -> None:
    root = team.world.bao.root
    outer = await Namespace.create(team, team.namespace, within=root)
    other = await Namespace.create(team, f"{team.namespace}-other", within=root)
    await other.put("s3cret-of-others")
    await log_in_at(team, await app_role_in(outer.api), outer.path)

    async with audited(team) as log:
        await sync_from(team, namespace=other.path)
        message = await team.wait_condition("False", "VaultPermissionDenied")
        logins = log.count("auth/approle/login")

    assert await team.secret() is None
    assert "s3cret" not in message
    assert logins <= 2, "one, and one to see whether another token helps"
    await team.remove()


async def test_namespace_that_is_missing_is_told_and_found_when_it_is_there(
    team: Team,
) -> None:
    root = team.world.bao.root
    await log_in_at(team, AppRoleLogin("not-yet", "not-yet"), team.namespace)
    await sync_from(team)
    message = await team.wait_condition("False", "VaultLoginFailed")
    assert "auth/approle/login" in message
    assert await team.secret() is None

    outer = await Namespace.create(team, team.namespace, within=root)
    await outer.put("s3cret-of-outer")
    login = await app_role_in(outer.api)
    role_id = {"role_id": "not-yet"}
    await outer.api.write("auth/approle/role/app/role-id", role_id)
    await secret_of(team, "app-id", id=login.secret_id)

    await team.wait_value("password", b"s3cret-of-outer")
    await team.wait_ready()
    await team.remove()
