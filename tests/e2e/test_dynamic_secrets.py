"""Stories of credentials of a real database: PostgreSQL says which of them live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.admin import Manifest, decoded
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ANY_TEAM, World
from tests.support.conditions import eventually
from tests.support.openbao_database import DatabaseEngine
from tests.support.openbao_leases import Leases
from tests.support.postgres import Login, Postgres, QueryRefused

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

KIND = "VaultDynamicSecret"
POLICY = """
path "database/creds/*" { capabilities = ["read", "update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"""
WITHOUT_REVOKE = """
path "database/creds/*" { capabilities = ["read"] }
path "sys/leases/renew" { capabilities = ["update"] }
"""


class Database:
    """A PostgreSQL behind the database engine of the world's Vault."""

    def __init__(
        self, *, world: World, postgres: Postgres, engine: DatabaseEngine
    ) -> None:
        self.world = world
        self.postgres = postgres
        self.engine = engine
        self.leases = Leases(api=world.bao.root)

    async def prepare(self, team: Team, *, ttl: str, max_ttl: str = "1h") -> None:
        """Have a role of the database for a team, and a login that may use it."""
        await self.engine.put_role(team.namespace, ttl=ttl, max_ttl=max_ttl)
        await self.admit(team)

    async def admit(self, team: Team, policy: str = POLICY, **options: object) -> None:
        """Have the team log in with this policy; `options` are the role's."""
        name = team.namespace
        await self.world.bao.root.put_policy(name, policy)
        role = ANY_TEAM | {"policies": [name]} | options
        await self.world.auth.put_role(name, **role)
        kubernetes = {
            "role": name,
            "serviceAccount": "app-sa",
            "audiences": ["vault"],
        }
        await team.authenticate(kubernetes=kubernetes)

    async def living(self, team: Team) -> set[str]:
        """Return the leases of a team that Vault still has."""
        return await self.engine.leases(team.namespace)

    async def works(self, login: Login) -> bool:
        """Tell whether PostgreSQL lets somebody in."""
        try:
            return await self.postgres.query("SELECT 1", login=login) == ["1"]
        except QueryRefused:
            return False


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(world: World) -> AsyncIterator[Database]:
    async with Postgres.start() as postgres:
        engine = await DatabaseEngine.enable(world.bao.root, postgres)
        yield Database(world=world, postgres=postgres, engine=engine)


async def ask(team: Team, **changes: object) -> Manifest:
    """Create or change the VaultDynamicSecret of a team."""
    spec: dict[str, Any] = {
        "vaultAuthRef": "auth",
        "mount": "database",
        "path": f"creds/{team.namespace}",
        "destination": {"name": "app-secret", "create": True},
    }
    manifest = team.named(KIND, "app", spec=spec | changes)
    return await team.world.admin.apply(manifest)


async def login_of(team: Team) -> Login:
    """Return what the Secret holds."""
    secret = await team.secret()
    assert secret is not None
    data = decoded(secret)
    return Login(user=data["username"].decode(), password=data["password"].decode())


async def wait_login(team: Team, *, but: Login | None = None) -> Login:
    """Wait until the Secret holds credentials, other ones than `but`."""

    async def probe() -> Login:
        found = await login_of(team)
        assert found != but
        return found

    return await eventually(probe, within=3 * PATIENCE)


async def status_of(team: Team) -> dict[str, Any]:
    resource = await team.world.admin.get(team.named(KIND, "app"))
    assert resource is not None
    status: dict[str, Any] = resource.get("status", {})
    return status


async def wait_ready(team: Team) -> None:
    await team.wait_condition("True", "Ready", kind=KIND)


async def on_record(database: Database, team: Team) -> None:
    """Raise unless what lives is what the status lists."""
    status = await status_of(team)
    owed = [each["leaseID"] for each in status.get("pendingRevocations", ())]
    assert await database.living(team) <= {status["secretLease"]["id"], *owed}


async def gone(team: Team) -> None:
    """Delete the resource and wait until it is gone."""
    manifest = team.named(KIND, "app")
    await team.world.admin.delete(manifest)

    async def probe() -> None:
        assert await team.world.admin.get(manifest) is None

    await eventually(probe, within=PATIENCE)


async def test_credentials_log_in_and_go_with_their_resource(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="1h")
    await ask(team)
    await wait_ready(team)
    login = await login_of(team)
    assert await database.works(login)
    assert len(await database.living(team)) == 1

    await team.world.admin.delete(team.named(KIND, "app"))

    async def ended() -> None:
        assert await database.living(team) == set()
        assert await team.world.admin.get(team.named(KIND, "app")) is None

    await eventually(ended, within=PATIENCE)
    assert not await database.works(login)
    assert login.user not in await database.postgres.roles()


async def test_credentials_outlive_their_first_lease_and_do_not_change(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="4s")
    await ask(team)
    await wait_ready(team)
    login = await login_of(team)

    for _ in range(5):
        await asyncio.sleep(2)
        assert await database.works(login)
        assert await login_of(team) == login


async def test_credentials_at_their_longest_are_replaced_while_they_work(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="8s", max_ttl="14s")
    await ask(team)
    await wait_ready(team)
    first = await login_of(team)

    second = await wait_login(team, but=first)

    assert await database.works(first), "who has not restarted yet must be let in"
    assert await database.works(second)
    await on_record(database, team)

    async def first_ended() -> None:
        assert not await database.works(first)

    await eventually(first_ended, within=PATIENCE)
    assert await database.works(await login_of(team))


async def test_edit_of_what_is_not_asked_of_vault_changes_nothing(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="1h")
    await ask(team)
    await wait_ready(team)
    login = await login_of(team)

    changed = await ask(team, renewalPercent=30)

    async def seen() -> None:
        generation = changed["metadata"]["generation"]
        assert (await status_of(team))["lastGeneration"] == generation

    await eventually(seen, within=PATIENCE)
    assert await login_of(team) == login
    assert len(await database.living(team)) == 1


async def test_secret_that_was_edited_gets_new_credentials_and_one_lease_is_left(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="1h")
    await ask(team)
    await wait_ready(team)
    first = await login_of(team)

    tampered = {"data": {"password": "dGFtcGVyZWQ="}}
    await team.world.admin.patch(team.named("Secret", "app-secret"), tampered)

    async def put_right() -> None:
        login = await login_of(team)
        assert login.user != first.user
        assert await database.works(login)
        assert len(await database.living(team)) == 1

    await eventually(put_right, within=PATIENCE)
    await on_record(database, team)


async def test_deletion_without_the_right_to_revoke_is_told_and_is_no_obstacle(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="8s")
    await database.admit(team, WITHOUT_REVOKE)
    await ask(team)
    await wait_ready(team)
    (lease,) = await database.living(team)
    team.world.observatory.journal.lease_ended(lease)

    await team.world.admin.delete(team.named(KIND, "app"))

    async def gone() -> None:
        assert await team.world.admin.get(team.named(KIND, "app")) is None

    await eventually(gone, within=PATIENCE)

    async def told() -> None:
        events = await team.world.admin.list("Event", team.namespace)
        (event,) = (each for each in events if each["reason"] == "SecretLeaseRevoke")
        assert "permission denied" in event["message"]
        assert lease in event["message"]

    await eventually(told, within=PATIENCE)


async def test_restart_changes_no_credentials_at_once_and_them_once_in_time(
    alone: World, database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="1h")
    await database.admit(team, ttl="12s")
    async with alone.controller():
        await ask(team)
        await wait_ready(team)
        first = await login_of(team)
        lease = (await status_of(team))["secretLease"]["id"]

        async def recorded() -> None:
            assert await alone.admin.get(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {
                        "namespace": "vault-secrets-operator-system",
                        "name": "vso-cc-sessions",
                    },
                }
            )

        await eventually(recorded, within=PATIENCE)

    async with alone.controller():
        await asyncio.sleep(0.5)
        assert (await status_of(team))["secretLease"]["id"] == lease
        assert await database.works(first)

        team.world.observatory.journal.credential_wanted(
            f"database/creds/{team.namespace}", "nobody renews the token any more"
        )
        second = await wait_login(team, but=first)
        assert await database.works(first), "it was replaced before its token ended"
        await asyncio.sleep(6)
        assert await login_of(team) == second
        assert await database.works(second)
        await on_record(database, team)
        await gone(team)  # while somebody runs who can revoke


async def test_token_that_ends_takes_no_credentials_in_use_along(
    database: Database, team: Team
) -> None:
    await database.prepare(team, ttl="1h")
    await database.admit(team, ttl="4s", token_max_ttl="7s")
    await ask(team)
    await wait_ready(team)
    first = await login_of(team)

    second = await wait_login(team, but=first)

    for _ in range(8):
        await asyncio.sleep(1)
        assert await database.works(await login_of(team))
    assert not await database.works(first)
    assert second != first
