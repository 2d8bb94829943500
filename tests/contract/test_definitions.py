"""CustomResourceDefinitions: how kinds come and how they go."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from copy import deepcopy

import pytest
import pytest_asyncio

from tests.contract.rows import embedded_only
from tests.contract.waiting import PATIENCE, wait_gone
from tests.contract.widgets import (
    DEFINITIONS,
    definition,
    serve_definition,
    widget,
)
from tests.support.conditions import eventually
from tests.support.kubeapi import KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def group(api: KubeApi) -> AsyncIterator[str]:
    """A group of this test alone, in which Widgets are served."""
    name = f"g{uuid.uuid4().hex[:8]}.example.com"
    await serve_definition(api, name)
    yield name
    await api.delete(f"{DEFINITIONS}/widgets.{name}")


def widget_of(group: str, name: str) -> Object:
    return widget(name) | {"apiVersion": f"{group}/v1"}


async def test_definition_names_what_it_accepted(api: KubeApi, group: str) -> None:
    found = await api.get(f"{DEFINITIONS}/widgets.{group}")

    status = found.body["status"]
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert conditions["NamesAccepted"] == "True"
    assert status["acceptedNames"]["kind"] == "Widget"
    assert status["acceptedNames"]["listKind"] == "WidgetList"
    assert status["storedVersions"] == ["v1"]


async def test_kind_goes_with_its_definition(
    api: KubeApi, group: str, namespace: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    await api.create(path, widget_of(group, "w"))

    await api.delete(f"{DEFINITIONS}/widgets.{group}")

    await wait_gone(api, path)


async def test_objects_do_not_come_back_with_the_definition(
    api: KubeApi, group: str, namespace: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    await api.create(path, widget_of(group, "w"))
    await api.delete(f"{DEFINITIONS}/widgets.{group}")

    await wait_gone(api, f"{DEFINITIONS}/widgets.{group}")
    await serve_definition(api, group)

    found = await api.get(path)
    assert found.body["items"] == []


async def test_watches_end_with_the_definition(
    api: KubeApi, group: str, namespace: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    listed = await api.get(path)
    since = listed.metadata["resourceVersion"]

    async with api.watch(path, resourceVersion=since) as watch:
        await api.delete(f"{DEFINITIONS}/widgets.{group}")
        events = await watch.rest()

    assert [each["type"] for each in events] == []


async def test_finalizer_of_an_object_holds_the_definition(
    api: KubeApi, group: str, namespace: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    held = widget_of(group, "w")
    held["metadata"]["finalizers"] = ["contract.example.com/hold"]
    await api.create(path, held)

    await api.delete(f"{DEFINITIONS}/widgets.{group}")

    async def deleting() -> None:
        found = await api.get(f"{path}/w")
        assert "deletionTimestamp" in found.metadata

    await eventually(deleting, within=PATIENCE)
    waiting = await api.get(f"{DEFINITIONS}/widgets.{group}")
    assert waiting.metadata["finalizers"] == [
        "customresourcecleanup.apiextensions.k8s.io"
    ]
    await api.patch(f"{path}/w", {"metadata": {"finalizers": None}})


async def test_changed_schema_holds_from_then_on(
    api: KubeApi, group: str, namespace: str
) -> None:
    found = await api.get(f"{DEFINITIONS}/widgets.{group}")
    changed = deepcopy(found.body)
    schema = changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["size"]["minimum"] = 5

    await api.update(f"{DEFINITIONS}/widgets.{group}", changed)

    async def refused() -> None:
        path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
        created = await api.create(path, widget_of(group, "w"), dryRun="All")
        assert created.status == 422

    await eventually(refused, within=PATIENCE)


async def test_second_version_shows_the_same_objects(
    api: KubeApi, group: str, namespace: str
) -> None:
    await api.create(
        f"/apis/{group}/v1/namespaces/{namespace}/widgets", widget_of(group, "w")
    )
    found = await api.get(f"{DEFINITIONS}/widgets.{group}")
    changed = deepcopy(found.body)
    second = deepcopy(changed["spec"]["versions"][0]) | {"name": "v2", "storage": False}
    changed["spec"]["versions"].append(second)

    await api.update(f"{DEFINITIONS}/widgets.{group}", changed)

    async def served() -> None:
        found = await api.get(f"/apis/{group}/v2/namespaces/{namespace}/widgets/w")
        assert found.status == 200
        assert found.body["apiVersion"] == f"{group}/v2"

    await eventually(served, within=PATIENCE)


def _unnamed(body: Object) -> None:
    body["metadata"]["name"] = f"gadgets.{body['spec']['group']}"


def _without_schema(body: Object) -> None:
    del body["spec"]["versions"][0]["schema"]


def _without_storage(body: Object) -> None:
    body["spec"]["versions"][0]["storage"] = False


def _nowhere(body: Object) -> None:
    body["spec"]["scope"] = "Nowhere"


@pytest.mark.parametrize(
    "spoil", [_unnamed, _without_schema, _without_storage, _nowhere]
)
async def test_definition_that_makes_no_sense_is_refused(
    api: KubeApi, spoil: Callable[[Object], None]
) -> None:
    body = definition("spoilt.example.com")
    spoil(body)

    created = await api.create(DEFINITIONS, body)

    assert (created.status, created.reason) == (422, "Invalid")


@embedded_only("a real server does these, devcluster says that it does not")
@pytest.mark.parametrize(
    "keyword", ["x-kubernetes-validations", "x-kubernetes-embedded-resource", "$ref"]
)
async def test_keyword_that_would_be_ignored_is_refused(
    api: KubeApi, keyword: str
) -> None:
    body = definition("spoilt.example.com")
    schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", keyword: []}

    created = await api.create(DEFINITIONS, body)

    assert created.status == 422
    assert created.causes[0][1].endswith(keyword)
