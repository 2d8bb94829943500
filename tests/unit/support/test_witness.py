"""The witness, before a cluster in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from devcluster.cluster import DevCluster
from tests.support.kubeapi import MERGE_PATCH, KubeApi
from tests.support.tls import LOOPBACK, Authority
from tests.support.witness import Collection, Sight, Witness

SECRETS = Collection("Secret", "/api/v1/secrets")
DEFAULT = "/api/v1/namespaces/default/secrets"


class Views:
    """Remembers names, values and ends in the order of sight."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, bool]] = []

    def __call__(self, sight: Sight) -> None:
        name = sight.manifest["metadata"]["name"]
        value = (sight.manifest.get("data") or {}).get("a")
        self.seen.append((name, value, sight.gone))


@pytest.fixture
async def cluster() -> AsyncIterator[DevCluster]:
    async with DevCluster.start() as cluster:
        yield cluster


@pytest.fixture
async def api(cluster: DevCluster) -> AsyncIterator[KubeApi]:
    async with KubeApi.connect(
        url=cluster.url, ca_pem=cluster.ca_pem, token=cluster.admin_token
    ) as api:
        yield api


@asynccontextmanager
async def watching(cluster: DevCluster, views: Views) -> AsyncIterator[Witness]:
    async with Witness.watching(
        url=cluster.url,
        ca_pem=cluster.ca_pem,
        token=cluster.admin_token,
        collections=[SECRETS],
        viewer=views,
    ) as witness:
        yield witness


async def create(api: KubeApi, name: str, value: str) -> None:
    answer = await api.create(
        DEFAULT, {"metadata": {"name": name}, "data": {"a": value}}
    )
    assert answer.status == 201


async def test_every_version_is_seen_in_order(
    cluster: DevCluster, api: KubeApi
) -> None:
    views = Views()
    await create(api, "before", "MQ==")

    async with watching(cluster, views) as witness:
        await create(api, "one", "MQ==")
        for value in ("Mg==", "Mw=="):
            await api.patch(
                f"{DEFAULT}/one", {"data": {"a": value}}, content_type=MERGE_PATCH
            )
        await api.delete(f"{DEFAULT}/one")
        await witness.wait_caught_up()

    assert views.seen == [
        ("before", "MQ==", False),
        ("one", "MQ==", False),
        ("one", "Mg==", False),
        ("one", "Mw==", False),
        ("one", "Mw==", True),
    ]
    assert witness.gaps == 0


async def test_failure_in_the_block_is_raised_as_it_is(cluster: DevCluster) -> None:
    with pytest.raises(ZeroDivisionError):
        async with watching(cluster, Views()):
            raise ZeroDivisionError


class Forgetful:
    """An API server that forgets all versions, and one Secret, after each list."""

    def __init__(self) -> None:
        self.lists = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        if "watch" in request.query:
            return web.Response(status=410)
        self.lists += 1
        names = ("kept", "lost") if self.lists == 1 else ("kept",)
        items = [
            {"metadata": {"name": each, "uid": each, "resourceVersion": "1"}}
            for each in names
        ]
        listed = {"metadata": {"resourceVersion": "1"}, "items": items}
        return web.json_response(listed)


async def test_versions_that_went_unseen_are_counted() -> None:
    views, authority = Views(), Authority()
    runner = web.ServerRunner(web.Server(Forgetful().handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=authority.server_context())
    await site.start()

    async with Witness.watching(
        url=f"https://{LOOPBACK}:{runner.addresses[0][1]}",
        ca_pem=authority.ca_pem,
        token="any",
        collections=[SECRETS],
        viewer=views,
    ) as witness:
        await witness.wait_caught_up()
    await runner.cleanup()

    assert witness.gaps > 0
    assert views.seen == [
        ("kept", None, False),
        ("lost", None, False),
        ("lost", None, True),
    ]
