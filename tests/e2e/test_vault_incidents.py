"""Stories of a Vault that refuses everybody for a while, and what that costs it.

In all of them the Secret stays what it was, the conditions say what is wrong, and all
is well again without anybody's doing. Requests are counted where they pass the proxy.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.e2e.admin import Manifest
from tests.e2e.stories import LONG, synced
from tests.e2e.team import PATIENCE, Team
from tests.e2e.test_logins import LoginCount
from tests.e2e.world import ANY_TEAM, World
from tests.support.conditions import eventually
from tests.support.openbao_kv import KeyValue
from tests.support.openbao_quotas import RateLimits

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

SEALED_FOR = 30.0 if LONG else 4.0  # seconds
RESUMES_WITHIN = 15.0  # seconds
STALE_SOON = "--read-freshness-floor=1s"
"""Not ready after three refreshes that failed, which are three seconds here."""
LONGEST_REST = 1.0  # seconds, by the flags of the stories


async def secret_of(team: Team) -> Manifest:
    secret = await team.secret()
    assert secret is not None
    return secret


async def healthy(team: Team, name: str = "app") -> None:
    await team.wait_condition("True", "Healthy", condition="Healthy", name=name)


async def unhealthy(team: Team) -> str:
    return await team.wait_condition("False", "Unhealthy", condition="Healthy")


def requests_to(world: World, mark: int, path: str) -> int:
    """Return how many requests there were since the mark below a path of Vault."""
    seen = world.vault_proxy.recorder.since(mark)
    return sum(one.head.path.startswith(f"/v1/{path}") for one in seen)


@pytest.mark.timeout(SEALED_FOR + 90)
async def test_sealed_vault_is_told_of_and_work_resumes_when_it_is_unsealed(
    alone: World,
) -> None:
    async with alone.controller(STALE_SOON) as controller:
        team = await alone.team()
        before = await synced(team)
        logins = LoginCount.begin(alone)

        await alone.bao.seal()
        try:
            sealed_at = time.monotonic()
            await team.sync("late")
            told = await unhealthy(team)
            await team.wait_condition("False", "VaultSealed")
            await team.wait_condition("False", "VaultSealed", name="late")
            await asyncio.sleep(max(0.0, sealed_at + SEALED_FOR - time.monotonic()))
            await controller.is_ready()
            assert await secret_of(team) == before
            assert await team.secret("late-secret") is None
        finally:
            await alone.bao.unseal()
        await team.put(password="n3w")
        await team.put("late", password="l4te")

        await team.wait_value("password", b"n3w", within=RESUMES_WITHIN)
        await team.wait_value("password", b"l4te", "late-secret", within=RESUMES_WITHIN)
        for name in ("app", "late"):
            await healthy(team, name)
            await team.wait_ready(name)
        assert "sealed" in told
        assert logins.value == 0, "the token outlives a seal"
        await team.end()


async def test_quota_that_is_used_up_costs_no_login_and_ends_by_itself(
    world: World, team: Team
) -> None:
    before = await synced(team)
    limits = RateLimits(api=world.bao.root)
    logins = LoginCount.begin(world)
    mark = world.vault_proxy.recorder.mark()

    await limits.put("none", rate=0.001, interval="1h", path="secret")
    try:
        message = await unhealthy(team)
        since = time.monotonic()
        await asyncio.sleep(3)
        assert await secret_of(team) == before
        asked = requests_to(world, mark, "secret/")
        lasted = time.monotonic() - since
    finally:
        await limits.remove("none")
    await team.put(password="n3w")

    await team.wait_value("password", b"n3w")
    await healthy(team)
    assert "429" in message or "quota" in message
    assert logins.value == 0
    assert asked <= 6 + lasted / (LONGEST_REST / 2), "each failure is rested on"


async def test_engine_that_is_disabled_costs_no_login_and_is_found_again(
    world: World, team: Team
) -> None:
    root, mount = world.bao.root, f"engine-of-{team.namespace}"
    kv = world.observatory.values(await KeyValue.enable(root, mount))
    await root.put_policy(mount, f'path "{mount}/*" {{ capabilities = ["read"] }}')
    await world.auth.put_role(mount, **ANY_TEAM | {"policies": [mount]})
    role = {"role": mount, "serviceAccount": "app-sa", "audiences": ["vault"]}
    await team.authenticate(kubernetes=role)
    await kv.put(f"{team.namespace}/app", {"password": "0ld"})
    await team.sync(mount=mount)
    before = await team.wait_value("password", b"0ld")
    await team.wait_ready()
    logins = LoginCount.begin(world)

    await root.delete(f"sys/mounts/{mount}")
    message = await unhealthy(team)
    mark, since = world.vault_proxy.recorder.mark(), time.monotonic()

    async def asked_again() -> None:
        assert requests_to(world, mark, mount) >= 3

    await eventually(asked_again, within=PATIENCE)
    lasted = time.monotonic() - since
    asked = requests_to(world, mark, "")
    assert await secret_of(team) == before
    await KeyValue.enable(root, mount)
    await kv.put(f"{team.namespace}/app", {"password": "n3w"})

    await team.wait_value("password", b"n3w")
    await healthy(team)
    assert mount in message
    assert logins.value == 0
    assert asked <= 6 + 3 * lasted / (LONGEST_REST / 2), "no storm"
    await team.remove()
