"""Watches: what is told, from where on, and how they end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from devcluster.cluster import DevCluster
from tests.contract.rows import embedded_only
from tests.support.kubeapi import TABLE, KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")

METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
INITIAL_END = "k8s.io/initial-events-end"


def config_map(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


def told(events: list[Object]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


async def version_of(api: KubeApi, path: str) -> str:
    listed = await api.get(path)
    return str(listed.metadata["resourceVersion"])


async def make_history(api: KubeApi, path: str) -> None:
    """Create c, change it and delete it."""
    await api.create(path, config_map("c"))
    await api.patch(f"{path}/c", {"data": {"a": "1"}})
    await api.delete(f"{path}/c")


HISTORY = [("ADDED", "c"), ("MODIFIED", "c"), ("DELETED", "c")]


async def test_changes_are_told_as_they_happen(api: KubeApi, config_maps: str) -> None:
    since = await version_of(api, config_maps)

    async with api.watch(config_maps, resourceVersion=since) as watch:
        await make_history(api, config_maps)
        events = await watch.take(3)

    assert told(events) == HISTORY


async def test_changes_since_a_version_are_told_again(
    api: KubeApi, config_maps: str
) -> None:
    since = await version_of(api, config_maps)
    await make_history(api, config_maps)

    async with api.watch(config_maps, resourceVersion=since) as watch:
        events = await watch.take(3)

    assert told(events) == HISTORY


async def test_versions_of_events_rise(api: KubeApi, config_maps: str) -> None:
    since = await version_of(api, config_maps)
    await make_history(api, config_maps)

    async with api.watch(config_maps, resourceVersion=since) as watch:
        events = await watch.take(3)

    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in events]
    assert versions == sorted(set(versions))
    assert versions[0] > int(since)


async def test_objects_in_events_name_their_kind(
    api: KubeApi, config_maps: str
) -> None:
    async with api.watch(config_maps) as watch:
        (event,) = await watch.take(1)

    assert event["object"]["kind"] == "ConfigMap"
    assert event["object"]["apiVersion"] == "v1"


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["none", "zero"])
async def test_watch_from_no_version_begins_with_what_is_there(
    api: KubeApi, config_maps: str, query: dict[str, str]
) -> None:
    await api.create(config_maps, config_map("c", team="red"))

    async with api.watch(config_maps, labelSelector="team", **query) as watch:
        (event,) = await watch.take(1)

    assert told([event]) == [("ADDED", "c")]


async def test_write_that_changes_nothing_is_not_told(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("c"))
    since = await version_of(api, config_maps)
    await api.patch(f"{config_maps}/c", {"metadata": {"labels": None}})
    await api.create(config_maps, config_map("d"))

    async with api.watch(config_maps, resourceVersion=since) as watch:
        (event,) = await watch.take(1)

    assert told([event]) == [("ADDED", "d")]


async def test_object_that_begins_to_match_is_added_and_then_deleted(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("c", team="blue"))
    since = await version_of(api, config_maps)
    for team in ("red", "blue"):
        await api.patch(f"{config_maps}/c", {"metadata": {"labels": {"team": team}}})

    async with api.watch(
        config_maps, resourceVersion=since, labelSelector="team=red"
    ) as watch:
        events = await watch.take(2)

    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in events]
    assert told(events) == [("ADDED", "c"), ("DELETED", "c")]
    assert events[1]["object"]["metadata"]["labels"] == {"team": "red"}
    assert versions[1] > versions[0], "the deletion is at the version that caused it"


async def test_watch_of_one_name_tells_of_no_other(
    api: KubeApi, config_maps: str
) -> None:
    since = await version_of(api, config_maps)
    await api.create(config_maps, config_map("b"))
    await api.create(config_maps, config_map("c"))

    async with api.watch(
        config_maps, resourceVersion=since, fieldSelector="metadata.name=c"
    ) as watch:
        events = await watch.take(1)

    assert told(events) == [("ADDED", "c")]


async def test_watch_of_all_namespaces_tells_of_this_one(
    api: KubeApi, config_maps: str
) -> None:
    since = await version_of(api, config_maps)
    await api.create(config_maps, config_map("c", only="here"))

    async with api.watch(
        "/api/v1/configmaps", resourceVersion=since, labelSelector="only=here"
    ) as watch:
        events = await watch.take(1)

    assert told(events) == [("ADDED", "c")]


async def test_watch_ends_at_its_timeout(api: KubeApi, config_maps: str) -> None:
    since = await version_of(api, config_maps)

    async with api.watch(
        config_maps, resourceVersion=since, timeoutSeconds="1"
    ) as watch:
        events = await watch.rest()

    assert events == []


async def test_bookmark_comes_before_the_end(api: KubeApi, config_maps: str) -> None:
    since = await version_of(api, config_maps)
    created = await api.create(config_maps, config_map("c"))

    bookmark = await bookmark_of_some_watch(api, config_maps, since)

    assert bookmark["object"]["kind"] == "ConfigMap"
    seen = int(bookmark["object"]["metadata"]["resourceVersion"])
    assert seen >= int(created.metadata["resourceVersion"])


async def bookmark_of_some_watch(api: KubeApi, path: str, since: str) -> dict[str, Any]:
    """
    Return the first bookmark of the first watch that brings one.

    A real server aims at two seconds before the end and promises nothing: where it
    is busy in those two seconds, the watch ends without.
    """
    for seconds in (4, 6, 8, 10):
        async with api.watch(
            path,
            resourceVersion=since,
            allowWatchBookmarks="true",
            timeoutSeconds=str(seconds),
        ) as watch:
            events = await watch.rest()
        for event in events:
            if event["type"] == "BOOKMARK":
                return event
    raise AssertionError("four watches have ended, none of them with a bookmark")


async def test_metadata_can_be_watched_alone(api: KubeApi, config_maps: str) -> None:
    await api.create(config_maps, config_map("c", team="red"))

    async with api.watch(
        config_maps, accept=METADATA, labelSelector="team=red"
    ) as watch:
        (event,) = await watch.take(1)

    assert event["object"]["kind"] == "PartialObjectMetadata"
    assert event["object"]["metadata"]["name"] == "c"
    assert "data" not in event["object"]


async def test_watch_can_be_a_table(api: KubeApi, config_maps: str) -> None:
    await api.create(config_maps, config_map("c", team="red"))

    async with api.watch(config_maps, accept=TABLE, labelSelector="team=red") as watch:
        (event,) = await watch.take(1)

    assert event["object"]["kind"] == "Table"
    assert event["object"]["rows"][0]["cells"][0] == "c"


async def test_many_watchers_hear_the_same(api: KubeApi, config_maps: str) -> None:
    since = await version_of(api, config_maps)
    query = {"resourceVersion": since}

    async with (
        api.watch(config_maps, **query) as one,
        api.watch(config_maps, **query) as other,
    ):
        await make_history(api, config_maps)
        heard = [await watch.take(3) for watch in (one, other)]

    assert heard[0] == heard[1]


@embedded_only("Kubernetes 1.20 does not know sendInitialEvents")
async def test_initial_events_end_with_a_marked_bookmark(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("c", team="red"))

    async with api.watch(
        config_maps,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        labelSelector="team=red",
    ) as watch:
        initial, bookmark = await watch.next(), await watch.next()

    assert initial is not None
    assert bookmark is not None
    assert told([initial]) == [("ADDED", "c")]
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {INITIAL_END: "true"}


@embedded_only("Kubernetes 1.20 does not know sendInitialEvents")
async def test_initial_events_need_a_version_match(
    api: KubeApi, config_maps: str
) -> None:
    found = await api.get(config_maps, watch="true", sendInitialEvents="true")

    assert (found.status, found.reason) == (422, "Invalid")
    assert found.causes == [("FieldValueForbidden", "resourceVersionMatch")]


@pytest_asyncio.fixture(loop_scope="session")
async def forgetful() -> AsyncIterator[DevCluster]:
    async with DevCluster.start() as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def forgetful_api(forgetful: DevCluster) -> AsyncIterator[KubeApi]:
    async with KubeApi.connect(
        url=forgetful.url, ca_pem=forgetful.ca_pem, token=forgetful.admin_token
    ) as api:
        yield api


COMPACTION = "a real server forgets when etcd is compacted and it restarts"
DEFAULT_CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@embedded_only(COMPACTION)
async def test_watch_from_a_forgotten_version_says_gone(
    forgetful: DevCluster, forgetful_api: KubeApi
) -> None:
    since = await version_of(forgetful_api, DEFAULT_CONFIG_MAPS)
    await make_history(forgetful_api, DEFAULT_CONFIG_MAPS)
    forgetful.compact()

    async with forgetful_api.watch(DEFAULT_CONFIG_MAPS, resourceVersion=since) as watch:
        events = await watch.rest()

    assert watch.status == 200
    assert [(each["type"], each["object"]["code"]) for each in events] == [
        ("ERROR", 410)
    ]


@embedded_only(COMPACTION)
async def test_exact_list_of_a_forgotten_version_is_gone(
    forgetful: DevCluster, forgetful_api: KubeApi
) -> None:
    since = await version_of(forgetful_api, DEFAULT_CONFIG_MAPS)
    await make_history(forgetful_api, DEFAULT_CONFIG_MAPS)
    forgetful.compact()

    found = await forgetful_api.get(
        DEFAULT_CONFIG_MAPS, resourceVersion=since, resourceVersionMatch="Exact"
    )

    assert (found.status, found.reason) == (410, "Expired")


@embedded_only(COMPACTION)
async def test_page_of_a_forgotten_version_is_gone(
    forgetful: DevCluster, forgetful_api: KubeApi
) -> None:
    await forgetful_api.create(DEFAULT_CONFIG_MAPS, config_map("d"))
    first = await forgetful_api.get(DEFAULT_CONFIG_MAPS, limit="1")
    await make_history(forgetful_api, DEFAULT_CONFIG_MAPS)
    forgetful.compact()

    query = {"continue": first.metadata["continue"]}
    found = await forgetful_api.get(DEFAULT_CONFIG_MAPS, **query)

    assert (found.status, found.reason) == (410, "Expired")


@embedded_only("a test cannot end the watches of a real server")
async def test_ended_watch_ends_cleanly(
    forgetful: DevCluster, forgetful_api: KubeApi
) -> None:
    since = await version_of(forgetful_api, DEFAULT_CONFIG_MAPS)

    async with forgetful_api.watch(DEFAULT_CONFIG_MAPS, resourceVersion=since) as watch:
        forgetful.end_watches()
        events = await watch.rest()

    assert events == []
