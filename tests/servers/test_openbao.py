"""OpenBao as other tests stand on it: does it do what is expected of it?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.support.openbao import OpenBao, Storage
from tests.support.openbao_api import BaoApi, Refused
from tests.support.openbao_kv import KeyValue
from tests.support.proxy import RecordingProxy

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start() as bao:
        yield bao


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_openbao_keeps_what_it_is_told(tls: bool) -> None:
    async with OpenBao.start(tls=tls) as bao:
        assert bao.address.startswith("https:" if tls else "http:")
        assert (bao.ca_pem is not None) == tls

        kv = await KeyValue.enable(bao.root, "secret")
        await kv.put("app", {"password": "one"})
        newest = await kv.put("app", {"password": "two"})

        assert newest == 2
        assert await kv.get("app") == {"password": "two"}


@pytest.mark.parametrize("version", [1, 2])
async def test_deleted_data_is_gone(bao: OpenBao, version: int) -> None:
    kv = await KeyValue.enable(bao.root, f"kv{version}", version=version)
    await kv.put("app", {"password": "one"})

    await kv.delete("app")

    with pytest.raises(Refused) as refusal:
        await kv.get("app")
    assert refusal.value.status == 404


async def test_destroyed_and_forgotten_versions_are_gone(bao: OpenBao) -> None:
    kv = await KeyValue.enable(bao.root, "destroying")
    await kv.put("app", {"password": "one"})

    await kv.destroy("app", 1)
    with pytest.raises(Refused, match="404"):
        await kv.get("app")
    assert (await kv.put("app", {"password": "two"})) == 2

    await kv.forget("app")
    assert (await kv.put("app", {"password": "three"})) == 1


async def test_a_policy_bounds_a_token_until_it_is_revoked(bao: OpenBao) -> None:
    kv = await KeyValue.enable(bao.root, "bounded")
    await kv.put("app", {"password": "one"})
    await bao.root.put_policy("reader", 'path "bounded/*" { capabilities = ["read"] }')
    token = await bao.root.create_token("reader")
    reader = bao.root.as_token(token.value)

    assert await reader.read("bounded/data/app")
    with pytest.raises(Refused, match="403"):
        await reader.write("bounded/data/app", {"data": {}})

    await bao.root.revoke_accessor(token.accessor)
    with pytest.raises(Refused, match="403"):
        await reader.read("bounded/data/app")


async def test_a_namespace_is_a_world_of_its_own(bao: OpenBao) -> None:
    team = await bao.root.create_namespace("team")
    kv = await KeyValue.enable(team, "only-here")
    await kv.put("app", {"password": "one"})

    assert team.namespace == "team"
    assert await kv.get("app") == {"password": "one"}
    with pytest.raises(Refused, match="404"):
        await bao.root.read("only-here/data/app")


async def test_a_sealed_server_refuses_until_it_is_unsealed() -> None:
    async with OpenBao.start() as bao:
        kv = await KeyValue.enable(bao.root, "secret")
        await kv.put("app", {"password": "one"})

        await bao.seal()
        with pytest.raises(Refused) as refusal:
            await kv.get("app")
        assert refusal.value.status == 503

        await bao.unseal()
        assert await kv.get("app") == {"password": "one"}


async def test_data_on_disk_outlives_a_stop_and_a_kill() -> None:
    async with OpenBao.start(storage=Storage.DISK) as bao:
        kv = await KeyValue.enable(bao.root, "secret")
        await kv.put("app", {"password": "one"})
        address = bao.address

        await bao.restart()
        assert await kv.get("app") == {"password": "one"}

        await bao.process.kill()
        await bao.start_again()
        assert await kv.get("app") == {"password": "one"}
        assert bao.address == address


async def test_data_in_memory_is_not_restarted_by_mistake(bao: OpenBao) -> None:
    with pytest.raises(ValueError, match=r"Storage\.DISK"):
        await bao.restart()

    assert bao.process.is_running


async def test_a_frozen_openbao_answers_when_it_thaws(bao: OpenBao) -> None:
    impatient = aiohttp.ClientTimeout(total=0.3)
    bao.process.suspend()
    async with aiohttp.ClientSession(timeout=impatient) as http:
        with pytest.raises(TimeoutError):
            await http.get(f"{bao.address}/v1/sys/health")

    bao.process.resume()
    assert await bao.root.read("sys/health")


async def test_nothing_of_openbao_stays() -> None:
    async with OpenBao.start() as bao:
        pid = bao.process.pid
        folder = bao.process.log.parent
        assert is_running(pid)

    assert not is_running(pid)
    assert not exists(folder)


async def test_the_proxy_stands_before_openbao(bao: OpenBao) -> None:
    async with (
        RecordingProxy.start(bao.address, bao.ca_pem) as proxy,
        BaoApi.connect(proxy.url, ca_pem=proxy.ca_pem, token=bao.root_token) as api,
    ):
        await api.read("auth/token/lookup-self")

        (exchange,) = proxy.recorder.requests
        assert exchange.head.path == "/v1/auth/token/lookup-self"
        assert exchange.head.is_authorized
        assert bao.root_token not in repr(exchange)


def is_running(pid: int) -> bool:
    return exists(Path(f"/proc/{pid}"))


def exists(path: Path) -> bool:
    return path.exists()
