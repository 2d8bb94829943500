"""Stories of a Vault that is sealed, throttles, fails or is slow, and of its neighbour.

Requests are counted where they pass a proxy, not by what the controller says of itself.
`LONG=1` makes the outages as long as the fault matrix has them.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ANY_TEAM, READ_EVERYTHING, World
from tests.support.conditions import eventually
from tests.support.faults import Rule
from tests.support.faults_matching import Requests
from tests.support.faults_requests import Delay, vault_failure
from tests.support.openbao import OpenBao
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.openbao_quotas import RateLimits
from tests.support.proxy import RecordingProxy
from tests.support.requestlog import RequestLog

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

LONG = bool(os.environ.get("LONG"))
SEALED_FOR = 600.0 if LONG else 3.0  # seconds
PROBES_A_SECOND = 5  # as the controller is run here; 12 a minute by default
RESUMES_WITHIN = 15.0  # seconds
APPS = 12
SLOWNESS = 30.0 if LONG else 6.0  # seconds


@dataclass(frozen=True, slots=True)
class Outpost:
    """An OpenBao that one team alone uses, behind a proxy of its own."""

    bao: OpenBao
    kv: KeyValue
    proxy: RecordingProxy

    async def put(self, team: Team, **data: object) -> None:
        """Write to the paths of all apps."""
        for number in range(APPS):
            await self.kv.put(f"{team.namespace}/app-{number}", data)


@asynccontextmanager
async def outpost_of(world: World, team: Team) -> AsyncIterator[Outpost]:
    """Have a team use a Vault of its own for the length of the block."""
    async with OpenBao.start(tls=True) as bao:
        auth = await KubernetesAuth.enable(
            bao.root,
            host=world.cluster.url,
            ca_pem=world.cluster.ca_pem,
            reviewer_token=await world.reviewer_token(),
        )
        kv = await KeyValue.enable(bao.root, "secret")
        await bao.root.put_policy("app-policy", READ_EVERYTHING)
        await auth.put_role("app-role", **ANY_TEAM)
        async with RecordingProxy.start(bao.address, bao.ca_pem) as proxy:
            outpost = Outpost(bao, kv, proxy)
            await team.trust_pem(proxy.ca_pem)
            await team.connect(address=proxy.url)
            yield outpost
            await team.end()  # while its Vault is there


async def sync_apps(team: Team, *, refresh_after: str = "1s") -> None:
    for number in range(APPS):
        await team.sync(f"app-{number}", refreshAfter=refresh_after)


async def wait_values(team: Team, value: bytes) -> None:
    for number in range(APPS):
        await team.wait_value("password", value, name=f"app-{number}-secret")


def asked(log: RequestLog) -> Counter[str]:
    """Count requests by the first segments of their paths."""
    return Counter("/".join(each.head.path.split("/")[2:4]) for each in log)


@pytest.mark.timeout(SEALED_FOR + 90)
async def test_row_27_sealed_vault_is_left_alone_and_work_resumes_by_itself(
    world: World, team: Team
) -> None:
    async with outpost_of(world, team) as outpost:
        await outpost.put(team, password="0ld")
        await sync_apps(team)
        await wait_values(team, b"0ld")

        await outpost.bao.seal()
        await team.wait_condition(
            "False", "VaultSealed", kind="VaultConnection", name="vault"
        )
        await asyncio.sleep(2)  # until each resource has met the breaker
        mark = outpost.proxy.recorder.mark()
        await asyncio.sleep(SEALED_FOR)
        during = outpost.proxy.recorder.since(mark)
        await wait_values(team, b"0ld")

        await outpost.bao.unseal()
        await outpost.put(team, password="n3w")
        since = time.monotonic()
        await wait_values(team, b"n3w")
        resumed = time.monotonic() - since
        for number in range(APPS):
            await team.wait_ready(f"app-{number}")

    assert asked(during).keys() == {"sys/seal-status"}
    assert len(during) <= PROBES_A_SECOND * SEALED_FOR + 1
    assert resumed <= RESUMES_WITHIN


async def test_row_33_quota_is_kept_to_without_a_storm(
    world: World, team: Team
) -> None:
    async with outpost_of(world, team) as outpost:
        await outpost.put(team, password="s3cret")
        quotas = RateLimits(api=outpost.bao.root)
        headers = {"enable_rate_limit_response_headers": True}
        await outpost.bao.root.write("sys/quotas/config", headers)
        await quotas.put("few", rate=4, path="secret")

        await sync_apps(team, refresh_after="1h")
        await wait_values(team, b"s3cret")
        log = outpost.proxy.recorder.requests
        await quotas.remove("few")

    reads = Counter(each.status for each in log if "/secret/" in each.head.path)
    assert reads[200] == APPS
    assert reads[429] <= APPS, "no storm"
    assert reads.keys() <= {200, 429}


async def test_row_35_failing_path_keeps_its_secret_and_fails_alone(
    world: World, team: Team
) -> None:
    await team.put("broken", password="0ld")
    await team.put("sound", password="0ld")
    await team.sync("broken")
    await team.sync("sound")
    await team.wait_value("password", b"0ld", name="broken-secret")
    await team.wait_value("password", b"0ld", name="sound-secret")

    path = f"/secret/data/{team.namespace}/broken$"
    rule = Rule(on=Requests(path=path), do=vault_failure(500, "internal error"))
    with world.vault_proxy.faults.active(rule):
        await team.wait_condition(
            "False", "Unhealthy", name="broken", condition="Healthy"
        )
        await team.put("broken", password="n3w")
        await team.put("sound", password="n3w")
        await team.wait_value("password", b"n3w", name="sound-secret")
        await team.wait_value("password", b"0ld", name="broken-secret")
        connection = await team.condition("VaultConnection", "vault", "Ready")

    assert connection is not None
    assert connection["status"] == "True"
    await team.wait_value("password", b"n3w", name="broken-secret")


async def test_row_38_slow_vault_pins_few_workers_and_no_neighbour(
    alone: World,
) -> None:
    async with alone.controller("--max-concurrent-reconciles=6") as controller:
        slow, swift = await alone.team(), await alone.team()
        for number in range(APPS):
            await slow.put(f"app-{number}", password="s3cret")
        await swift.put(password="0ld")
        path = f"/secret/data/{slow.namespace}/"
        rule = Rule(on=Requests(path=path), do=Delay(SLOWNESS))
        with alone.vault_proxy.faults.active(rule):
            await sync_apps(slow)

            async def crowded() -> None:
                parked = await controller.metric(
                    "vso_vault_parked_keys",
                    vault_connection=f"{slow.namespace}/vault",
                )
                assert parked > 0

            await eventually(crowded, within=PATIENCE)
            taken = await controller.metric(
                "vso_vault_concurrency", vault_connection=f"{slow.namespace}/vault"
            )
            await swift.sync()
            await swift.wait_value("password", b"0ld")
            since = time.monotonic()
            await swift.put(password="n3w")
            await swift.wait_value("password", b"n3w")
            followed = time.monotonic() - since

        assert taken <= 3, "half of the workers"
        assert followed < SLOWNESS, "it waited for no answer of the slow one"
        await wait_values(slow, b"s3cret")
        await slow.end()
        await swift.end()
