"""PostgreSQL and OpenBao's database engine: do credentials live as they say?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.conditions import NotYet, eventually
from tests.support.openbao import OpenBao
from tests.support.openbao_database import DatabaseEngine
from tests.support.openbao_leases import Leases
from tests.support.postgres import Login, Postgres, QueryRefused

PATIENCE = 15.0  # seconds

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def postgres() -> AsyncIterator[Postgres]:
    async with Postgres.start() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(bao: OpenBao, postgres: Postgres) -> DatabaseEngine:
    return await DatabaseEngine.enable(bao.root, postgres)


async def test_a_password_is_asked_for_and_checked(postgres: Postgres) -> None:
    login = await postgres.create_role("careful")

    assert await postgres.query("SELECT current_user", login=login) == ["careful"]
    with pytest.raises(QueryRefused, match="password authentication failed"):
        await postgres.query("SELECT 1", login=Login("careful", "guessed"))


async def test_dynamic_credentials_log_in(
    engine: DatabaseEngine, postgres: Postgres
) -> None:
    await engine.put_role("reader", ttl="30m")

    issued = await engine.issue("reader")

    name = issued.login.user
    assert await postgres.query("SELECT current_user", login=issued.login) == [name]
    assert issued.lease_duration == 1800
    assert await engine.leases("reader") == {issued.lease_id}
    assert name in await postgres.roles()


async def test_a_revoked_lease_takes_its_role_along(
    engine: DatabaseEngine, postgres: Postgres, bao: OpenBao
) -> None:
    await engine.put_role("short-lived")
    revoked, kept = [await engine.issue("short-lived") for _ in range(2)]

    await Leases(api=bao.root).revoke(revoked.lease_id)

    left = await postgres.roles()
    assert revoked.login.user not in left
    assert kept.login.user in left
    assert await engine.leases("short-lived") == {kept.lease_id}
    with pytest.raises(QueryRefused):
        await postgres.query("SELECT 1", login=revoked.login)


async def test_a_renewed_lease_lives_longer(
    engine: DatabaseEngine, bao: OpenBao
) -> None:
    await engine.put_role("renewed", ttl="100s", max_ttl="1h")
    issued = await engine.issue("renewed")
    leases = Leases(api=bao.root)

    assert await leases.renew(issued.lease_id, increment=500) == 500

    lease = await leases.lookup(issued.lease_id)
    assert lease is not None
    assert lease.renewable
    assert 400 < lease.ttl <= 500


async def test_a_lease_that_ends_leaves_no_orphan(
    engine: DatabaseEngine, postgres: Postgres
) -> None:
    await engine.put_role("brief", ttl="1s", max_ttl="1s")
    issued = await engine.issue("brief")

    async def gone() -> None:
        if issued.login.user in await postgres.roles():
            raise NotYet("the role is still there")

    await eventually(gone, within=PATIENCE)
    assert await engine.leases("brief") == set()


async def test_a_static_role_changes_its_password_at_once_and_when_told(
    engine: DatabaseEngine, postgres: Postgres
) -> None:
    initial = await postgres.create_role("app")

    await engine.put_static_role("app", username="app")
    first = await engine.static("app")
    await engine.rotate("app")
    second = await engine.static("app")

    assert len({initial.password, first.login.password, second.login.password}) == 3
    assert await postgres.query("SELECT current_user", login=second.login) == ["app"]
    with pytest.raises(QueryRefused):
        await postgres.query("SELECT 1", login=first.login)


async def test_a_static_role_rotates_by_itself(
    engine: DatabaseEngine, postgres: Postgres
) -> None:
    await postgres.create_role("clockwork")
    await engine.put_static_role(
        "clockwork", username="clockwork", rotation_period="5s"
    )
    before = await engine.static("clockwork")
    assert before.ttl <= 5

    async def rotated() -> Login:
        now = await engine.static("clockwork")
        if now.last_rotation == before.last_rotation:
            raise NotYet("not rotated")
        return now.login

    login = await eventually(rotated, within=PATIENCE)
    assert login.password != before.login.password
    assert await postgres.query("SELECT 1", login=login) == ["1"]


async def test_leases_are_issued_again_after_a_crash_of_the_database(
    engine: DatabaseEngine, postgres: Postgres
) -> None:
    await engine.put_role("survivor")
    before = await engine.issue("survivor")

    await postgres.crash()
    with pytest.raises(QueryRefused):
        await postgres.query("SELECT 1")
    await postgres.start_again()

    after = await engine.issue("survivor")
    for issued in (before, after):
        assert await postgres.query("SELECT 1", login=issued.login) == ["1"]


async def test_nothing_of_postgres_stays() -> None:
    async with Postgres.start() as server:
        process = Path(f"/proc/{server.process.pid}")
        folder = server.process.log.parent
        assert exists(process)

    assert not exists(process)
    assert not exists(folder)


def exists(path: Path) -> bool:
    return path.exists()
