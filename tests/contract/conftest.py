"""One API server for the whole suite, one namespace for each test.

`CLUSTER=embedded` (the default) asks devcluster; `CLUSTER=envtest` asks the real
kube-apiserver whose binaries `KUBEBUILDER_ASSETS` names.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest_asyncio

from devcluster.cluster import DevCluster
from tests.contract.rows import CLUSTER
from tests.contract.waiting import PATIENCE
from tests.contract.widgets import GROUP, serve_definition
from tests.support.conditions import eventually
from tests.support.controlplane import ControlPlane, assets_from_environment
from tests.support.kubeapi import KubeApi


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API server under test is, and how its administrator gets in."""

    url: str
    ca_pem: str
    admin_token: str


@asynccontextmanager
async def running_server() -> AsyncIterator[Server]:
    """Run the server that `CLUSTER` names."""
    if CLUSTER == "embedded":
        async with DevCluster.start() as cluster:
            yield Server(cluster.url, cluster.ca_pem, cluster.admin_token)
        return
    assets = assets_from_environment()
    assert assets is not None, "CLUSTER=envtest needs KUBEBUILDER_ASSETS"
    async with ControlPlane.start(assets) as plane:
        yield Server(plane.url, plane.ca_pem, plane.admin_token)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[Server]:
    async with running_server() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(server: Server) -> AsyncIterator[KubeApi]:
    async with KubeApi.connect(
        url=server.url, ca_pem=server.ca_pem, token=server.admin_token
    ) as connected:
        yield connected


@pytest_asyncio.fixture(loop_scope="session")
async def namespace(api: KubeApi) -> AsyncIterator[str]:
    """A new namespace, complete with what the controllers put into it."""
    name = f"contract-{uuid.uuid4().hex[:12]}"
    created = await api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    assert created.status == 201, created

    async def furnished() -> None:
        found = await api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default")
        assert found.status == 200

    await eventually(furnished, within=PATIENCE)
    yield name
    await api.delete(f"/api/v1/namespaces/{name}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def widget_group(api: KubeApi) -> str:
    """The group in which Widgets are served."""
    await serve_definition(api, GROUP)
    return GROUP


@pytest_asyncio.fixture(loop_scope="session")
async def secrets(namespace: str) -> str:
    """The path of the Secrets of this test."""
    return f"/api/v1/namespaces/{namespace}/secrets"


@pytest_asyncio.fixture(loop_scope="session")
async def config_maps(namespace: str) -> str:
    """The path of the ConfigMaps of this test."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest_asyncio.fixture(loop_scope="session")
async def widgets(namespace: str, widget_group: str) -> str:
    """The path of the Widgets of this test."""
    return f"/apis/{widget_group}/v1/namespaces/{namespace}/widgets"
