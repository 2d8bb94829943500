"""The servers that other tests stand on: do they do what is expected of them?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
import pytest_asyncio

from devcluster.cluster import DevCluster
from tests.support.conditions import eventually
from tests.support.controlplane import ControlPlane, assets_from_environment
from tests.support.openbao import OpenBao, Storage
from tests.support.openbao_api import BaoApi, Refused
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.processes import ServerProcess
from tests.support.proxy import RecordingProxy
from tests.support.requestlog import to_resource
from tests.support.tls import trust

ASSETS = assets_from_environment()
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
AUDIENCE = "vault"

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
with_control_plane = pytest.mark.skipif(
    ASSETS is None, reason="KUBEBUILDER_ASSETS is not set"
)


class Kubernetes:
    """As much of a client as these tests need."""

    def __init__(self, *, url: str, ca_pem: str, token: str) -> None:
        self._url = url
        self._tls = trust(ca_pem)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str) -> dict[str, Any]:
        return await self._request("GET", path)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._request("POST", path, body)

    async def request_token(self, account: str, *audiences: str) -> str:
        """Create a ServiceAccount in `default` and return a token for it."""
        await self.post(ACCOUNTS, {"metadata": {"name": account}})
        reply = await self.post(
            f"{ACCOUNTS}/{account}/token", {"spec": {"audiences": audiences}}
        )
        token: str = reply["status"]["token"]
        return token

    async def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.request(
                method,
                self._url + path,
                json=body,
                ssl=self._tls,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=10),
            ) as response,
        ):
            reply: dict[str, Any] = await response.json()
            return reply


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plane() -> AsyncIterator[ControlPlane]:
    assert ASSETS is not None
    async with ControlPlane.start(ASSETS) as plane:
        yield plane


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start() as bao:
        yield bao


@pytest_asyncio.fixture(loop_scope="module")
async def empty_bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start() as bao:
        yield bao


@pytest.fixture
def kubernetes(plane: ControlPlane) -> Kubernetes:
    return Kubernetes(url=plane.url, ca_pem=plane.ca_pem, token=plane.admin_token)


class Cluster(Protocol):
    """What logging in needs of a cluster, real or in memory."""

    url: str
    ca_pem: str
    admin_token: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def devcluster() -> AsyncIterator[DevCluster]:
    async with DevCluster.start() as cluster:
        yield cluster


@pytest.fixture(
    params=["devcluster", pytest.param("plane", marks=with_control_plane)],
)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    cluster: Cluster = request.getfixturevalue(request.param)
    return cluster


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


async def test_a_service_account_logs_in_to_openbao(
    cluster: Cluster, empty_bao: OpenBao
) -> None:
    jwt = await admin_of(cluster).request_token("app", AUDIENCE)
    await empty_bao.root.put_policy("app", 'path "app/*" { capabilities = ["read"] }')

    async with RecordingProxy.start(cluster.url, cluster.ca_pem) as proxy:
        auth = await KubernetesAuth.enable(
            empty_bao.root,
            host=proxy.url,
            ca_pem=proxy.ca_pem,
            reviewer_token=cluster.admin_token,
        )
        await auth.put_role(
            "app",
            service_accounts=["app"],
            namespaces=["default"],
            policies=["app"],
            audience=AUDIENCE,
        )
        token = await auth.login("app", jwt)
        reviews = proxy.recorder.requests.where(to_resource("tokenreviews"))

    described = await empty_bao.root.as_token(token.value).read(
        "auth/token/lookup-self"
    )
    assert set(described["data"]["policies"]) == {"app", "default"}
    assert described["data"]["meta"]["service_account_name"] == "app"
    assert [review.status for review in reviews] == [201], "it asked the API server"


async def test_another_service_account_is_refused(
    cluster: Cluster, empty_bao: OpenBao
) -> None:
    jwt = await admin_of(cluster).request_token("stranger", AUDIENCE)
    auth = await KubernetesAuth.enable(
        empty_bao.root,
        host=cluster.url,
        ca_pem=cluster.ca_pem,
        reviewer_token=cluster.admin_token,
    )
    await auth.put_role(
        "app", service_accounts=["app"], namespaces=["default"], policies=["app"]
    )

    with pytest.raises(Refused) as refusal:
        await auth.login("app", jwt)
    assert refusal.value.status == 403


async def test_a_service_account_may_nothing_by_itself(cluster: Cluster) -> None:
    jwt = await admin_of(cluster).request_token("nobody")
    nobody = Kubernetes(url=cluster.url, ca_pem=cluster.ca_pem, token=jwt)

    with pytest.raises(aiohttp.ClientResponseError) as refusal:
        await nobody.get("/api/v1/namespaces/default/secrets")
    assert refusal.value.status == 403


@with_control_plane
async def test_kubectl_takes_the_kubeconfig(
    plane: ControlPlane, tmp_path: Path
) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(plane.kubeconfig(plane.admin_token))
    kubectl = Path(sys.executable).with_name("kubectl")

    process = await asyncio.create_subprocess_exec(
        kubectl,
        f"--kubeconfig={config}",
        "--output=name",
        "get",
        "namespace",
        "default",
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()

    assert output == b"namespace/default\n"


@with_control_plane
async def test_owned_objects_go_with_their_owner(kubernetes: Kubernetes) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1-2-3"}

    await kubernetes.post(
        path, {"metadata": {"name": "orphan", "ownerReferences": [gone]}}
    )

    await eventually(lambda: check_missing(kubernetes, f"{path}/orphan"), within=30)


@with_control_plane
async def test_the_api_server_comes_back_with_its_data(
    kubernetes: Kubernetes, plane: ControlPlane
) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    await kubernetes.post(path, {"metadata": {"name": "kept"}})

    await plane.apiserver.kill()
    with pytest.raises(aiohttp.ClientConnectionError):
        await kubernetes.get(path)

    await plane.apiserver.start()
    assert await kubernetes.get(f"{path}/kept")


@with_control_plane
async def test_a_frozen_api_server_answers_when_it_thaws(
    kubernetes: Kubernetes, plane: ControlPlane
) -> None:
    plane.apiserver.suspend()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await kubernetes.get("/version")

    plane.apiserver.resume()
    assert await kubernetes.get("/version")


@with_control_plane
async def test_nothing_of_a_control_plane_stays() -> None:
    assert ASSETS is not None
    async with ControlPlane.start(ASSETS) as plane:
        processes = processes_of(plane)
        pids = [process.pid for process in processes]
        folder = plane.etcd.log.parent
        assert all(map(is_running, pids))

    assert not any(map(is_running, pids))
    assert not exists(folder)


def admin_of(cluster: Cluster) -> Kubernetes:
    return Kubernetes(url=cluster.url, ca_pem=cluster.ca_pem, token=cluster.admin_token)


async def check_missing(kubernetes: Kubernetes, path: str) -> None:
    try:
        await kubernetes.get(path)
    except aiohttp.ClientResponseError as error:
        status = error.status
    else:
        status = 200
    assert status == 404


def is_running(pid: int) -> bool:
    return exists(Path(f"/proc/{pid}"))


def exists(path: Path) -> bool:
    return path.exists()


def processes_of(plane: ControlPlane) -> list[ServerProcess]:
    return [plane.etcd, plane.apiserver, plane.controller_manager]
