"""The clusters that other tests stand on: do they do what is expected of them?"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from devcluster.cluster import DevCluster
from tests.support.conditions import NotYet, eventually
from tests.support.controlplane import ControlPlane, assets_from_environment
from tests.support.controlplane_site import User
from tests.support.kubeaccess import Access, Rule, Subject, SubjectKind
from tests.support.kubeapi import KubeApi
from tests.support.openbao import OpenBao
from tests.support.openbao_api import Refused
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_methods import JwtAuth
from tests.support.processes import ServerProcess
from tests.support.proxy import RecordingProxy
from tests.support.requestlog import to_resource
from tests.support.tls import trust

ASSETS = assets_from_environment()
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
AUDIENCE = "vault"
BOB = User("bob")

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
    async with ControlPlane.start(ASSETS, users=[BOB]) as plane:
        yield plane


@pytest_asyncio.fixture(loop_scope="module")
async def empty_bao() -> AsyncIterator[OpenBao]:
    async with OpenBao.start() as bao:
        yield bao


@pytest.fixture
def kubernetes(plane: ControlPlane) -> Kubernetes:
    return Kubernetes(url=plane.url, ca_pem=plane.ca_pem, token=plane.admin_token)


class Cluster(Protocol):
    """What logging in needs of a cluster, real or in memory."""

    @property
    def url(self) -> str: ...
    @property
    def ca_pem(self) -> str: ...
    @property
    def admin_token(self) -> str: ...


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


async def test_a_service_account_logs_in_by_the_keys_of_its_cluster(
    cluster: Cluster, empty_bao: OpenBao
) -> None:
    async with access_to(cluster) as access:
        account = await access.create_account("default", "signed")
        jwt = await access.token(account, AUDIENCE)
        keys = await access.signing_keys()
    auth = await JwtAuth.enable(empty_bao.root, public_keys=keys)
    await auth.put_role(
        "app", audiences=[AUDIENCE], policies=["app"], subject=account.subject.name
    )

    token = await auth.login("app", jwt)

    login = await empty_bao.root.as_token(token.value).read("auth/token/lookup-self")
    assert set(login["data"]["policies"]) == {"app", "default"}


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
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1-2-3"}

    await kubernetes.post(
        CONFIG_MAPS, {"metadata": {"name": "orphan", "ownerReferences": [gone]}}
    )

    await eventually(
        lambda: check_missing(kubernetes, f"{CONFIG_MAPS}/orphan"), within=30
    )


@with_control_plane
async def test_the_api_server_comes_back_with_its_data(
    kubernetes: Kubernetes, plane: ControlPlane
) -> None:
    await kubernetes.post(CONFIG_MAPS, {"metadata": {"name": "kept"}})

    await plane.apiserver.kill()
    with pytest.raises(aiohttp.ClientConnectionError):
        await kubernetes.get(CONFIG_MAPS)

    await plane.apiserver.start()
    assert await kubernetes.get(f"{CONFIG_MAPS}/kept")


@with_control_plane
async def test_compaction_makes_the_past_410(plane: ControlPlane) -> None:
    async with api_of(plane, plane.admin_token) as api:
        for name in ("past-1", "past-2"):
            await api.create(CONFIG_MAPS, {"metadata": {"name": name}})
        page = await api.get(CONFIG_MAPS, limit="1")
        version = page.metadata["resourceVersion"]
        token = page.metadata["continue"]
        exact = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
        assert (await api.get(CONFIG_MAPS, limit="9", **exact)).status == 200

        oldest = await plane.compact()

        assert oldest > int(version)
        assert (await api.get(CONFIG_MAPS, limit="9", **exact)).status == 410
        assert (
            await api.get(CONFIG_MAPS, limit="1", **{"continue": token})
        ).status == 410
        assert (await api.get(CONFIG_MAPS)).status == 200


@with_control_plane
async def test_a_restart_after_compaction_makes_watches_410(
    plane: ControlPlane,
) -> None:
    async with api_of(plane, plane.admin_token) as api:
        version = (await api.get(CONFIG_MAPS)).metadata["resourceVersion"]
        await api.create(CONFIG_MAPS, {"metadata": {"name": "after-the-list"}})

        await plane.compact()
        async with api.watch(CONFIG_MAPS, resourceVersion=version) as watch:
            event = await watch.next()
        assert event is not None
        assert event["type"] == "ADDED", "the API server's own cache replays it"

        await plane.apiserver.kill()
        await plane.apiserver.start()
        async with api.watch(CONFIG_MAPS, resourceVersion=version) as watch:
            event = await watch.next()
        assert event is not None
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


@with_control_plane
async def test_a_new_certificate_is_trusted_by_the_same_ca(
    plane: ControlPlane, kubernetes: Kubernetes
) -> None:
    ca_pem, before = plane.ca_pem, await certificate_of(plane.url)

    await plane.rotate_certificate()

    assert plane.ca_pem == ca_pem
    assert await certificate_of(plane.url) != before
    assert await kubernetes.get("/version")


@with_control_plane
async def test_a_new_authority_shuts_out_who_trusts_the_old_one(
    plane: ControlPlane, kubernetes: Kubernetes
) -> None:
    jwt = await kubernetes.request_token("before")

    await plane.rotate_authority()

    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await kubernetes.get("/version")
    admin = admin_of(plane)
    assert await admin.get("/version")
    before = Kubernetes(url=plane.url, ca_pem=plane.ca_pem, token=jwt)
    assert await before.post(REVIEWS, {"spec": {"namespace": "default"}})
    # The controllers have followed.
    await admin.post("/api/v1/namespaces", {"metadata": {"name": "after"}})
    account = "/api/v1/namespaces/after/serviceaccounts/default"
    await eventually(lambda: check_present(admin, account), within=30)


@with_control_plane
async def test_users_come_with_their_groups_and_without_rights(
    plane: ControlPlane,
) -> None:
    ann = User("ann@example.test", ("developers", "on-call"))
    assert ann.token not in repr(ann)

    await plane.add_users(ann)

    async with api_of(plane, BOB.token) as api:
        assert "bob" in (await api.get(CONFIG_MAPS)).message
    async with access_to(plane) as access, api_of(plane, ann.token) as api:
        assert (await api.get(CONFIG_MAPS)).status == 403
        refusal = (await api.get("/api/v1/secrets")).message
        assert "ann@example.test" in refusal
        developers = Subject(SubjectKind.GROUP, "developers")
        grant = await access.grant(
            developers, Rule(("list",), ("configmaps",)), namespace="default"
        )
        assert (await api.get(CONFIG_MAPS)).status == 200
        await access.withdraw(grant)
        assert (await api.get(CONFIG_MAPS)).status == 403


async def test_a_service_account_may_what_it_was_granted(cluster: Cluster) -> None:
    async with access_to(cluster) as access:
        account = await access.create_account("default", "granted")
        token = await access.token(account)

        await access.grant(
            account.subject,
            Rule(("get", "list"), ("secrets", "serviceaccounts/token")),
            Rule(("list",), ("leases",), group="coordination.k8s.io"),
        )

        async with api_of(cluster, token) as api:
            assert (await api.get("/api/v1/secrets")).status == 200
            leases = "/apis/coordination.k8s.io/v1/leases"
            assert (await api.get(leases)).status == 200
            assert (await api.get(CONFIG_MAPS)).status == 403


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


@asynccontextmanager
async def api_of(cluster: Cluster, token: str) -> AsyncIterator[KubeApi]:
    async with KubeApi.connect(
        url=cluster.url, ca_pem=cluster.ca_pem, token=token
    ) as api:
        yield api


@asynccontextmanager
async def access_to(cluster: Cluster) -> AsyncIterator[Access]:
    async with api_of(cluster, cluster.admin_token) as api:
        yield Access(api=api)


async def certificate_of(url: str) -> str:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return await asyncio.to_thread(
        ssl.get_server_certificate, (parts.hostname, parts.port)
    )


async def check_present(kubernetes: Kubernetes, path: str) -> None:
    try:
        await kubernetes.get(path)
    except aiohttp.ClientResponseError as error:
        raise NotYet(f"{path} answered {error.status}") from error


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
