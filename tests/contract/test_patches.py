"""The three ways to patch, and what each of them refuses."""

from __future__ import annotations

import pytest

from tests.contract.rows import embedded_only
from tests.contract.widgets import widget
from tests.support.kubeapi import JSON_PATCH, STRATEGIC_PATCH, KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def config_map() -> Object:
    labels = {"team": "red", "tier": "one"}
    return {"metadata": {"name": "c", "labels": labels}, "data": {"a": "1"}}


async def test_merge_patch_sets_and_removes(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    await api.create(config_maps, config_map)
    patch = {"metadata": {"labels": {"tier": None}}, "data": {"b": "2"}}

    patched = await api.patch(f"{config_maps}/c", patch)

    assert patched.body["data"] == {"a": "1", "b": "2"}
    assert patched.metadata["labels"] == {"team": "red"}


async def test_json_patch_applies_its_operations_in_order(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    await api.create(config_maps, config_map)
    patch = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/b", "value": "2"},
        {"op": "remove", "path": "/data/a"},
        {"op": "replace", "path": "/metadata/labels/team", "value": "blue"},
    ]

    patched = await api.patch(f"{config_maps}/c", patch, content_type=JSON_PATCH)

    assert patched.body["data"] == {"b": "2"}
    assert patched.metadata["labels"]["team"] == "blue"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "remove", "path": "/data/nothing"},
        pytest.param(
            {"op": "replace", "path": "/data/nothing", "value": "1"},
            marks=embedded_only("Kubernetes 1.20 adds what is not there to replace"),
        ),
    ],
    ids=["test", "remove", "replace"],
)
async def test_json_patch_that_does_not_fit_changes_nothing(
    api: KubeApi, config_maps: str, config_map: Object, operation: Object
) -> None:
    created = await api.create(config_maps, config_map)
    patch = [{"op": "add", "path": "/data/b", "value": "2"}, operation]

    patched = await api.patch(f"{config_maps}/c", patch, content_type=JSON_PATCH)

    found = await api.get(f"{config_maps}/c")
    assert (patched.status, patched.reason) == (422, "Invalid")
    assert found.body == created.body


async def test_json_patch_that_is_no_list_is_refused(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    await api.create(config_maps, config_map)

    patched = await api.patch(
        f"{config_maps}/c", {"op": "remove"}, content_type=JSON_PATCH
    )

    assert (patched.status, patched.reason) == (400, "BadRequest")


async def test_strategic_merge_patch_merges_maps(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    await api.create(config_maps, config_map)

    patched = await api.patch(
        f"{config_maps}/c", {"data": {"b": "2"}}, content_type=STRATEGIC_PATCH
    )

    assert patched.body["data"] == {"a": "1", "b": "2"}


async def test_strategic_merge_patch_merges_containers_by_name(
    api: KubeApi, namespace: str
) -> None:
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.create(deployments, deployment(["web", "sidecar"]))
    containers = [{"name": "web", "image": "web:2"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}

    patched = await api.patch(f"{deployments}/d", patch, content_type=STRATEGIC_PATCH)

    found = patched.body["spec"]["template"]["spec"]["containers"]
    images = {each["name"]: each["image"] for each in found}
    assert images == {"web": "web:2", "sidecar": "sidecar:1"}


async def test_strategic_merge_patch_deletes_by_directive(
    api: KubeApi, namespace: str
) -> None:
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.create(deployments, deployment(["web", "sidecar"]))
    containers = [{"name": "sidecar", "$patch": "delete"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}

    patched = await api.patch(f"{deployments}/d", patch, content_type=STRATEGIC_PATCH)

    found = patched.body["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in found] == ["web"]


async def test_custom_kind_takes_no_strategic_merge_patch(
    api: KubeApi, widgets: str
) -> None:
    await api.create(widgets, widget("w"))

    patched = await api.patch(
        f"{widgets}/w", {"spec": {"size": 2}}, content_type=STRATEGIC_PATCH
    )

    assert (patched.status, patched.reason) == (415, "UnsupportedMediaType")


async def test_unknown_kind_of_patch_is_refused(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    await api.create(config_maps, config_map)

    patched = await api.patch(f"{config_maps}/c", {}, content_type="application/x")

    assert (patched.status, patched.reason) == (415, "UnsupportedMediaType")


async def test_version_in_a_patch_is_a_precondition(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    await api.create(config_maps, config_map)
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"b": "2"}}

    patched = await api.patch(f"{config_maps}/c", patch)

    assert (patched.status, patched.reason) == (409, "Conflict")


async def test_patch_that_changes_nothing_makes_no_version(
    api: KubeApi, config_maps: str, config_map: Object
) -> None:
    created = await api.create(config_maps, config_map)

    patched = await api.patch(f"{config_maps}/c", {"data": {"a": "1"}})

    assert patched.body == created.body


@pytest.mark.parametrize("field", ["uid", "name"])
async def test_patch_cannot_change_identity(
    api: KubeApi, config_maps: str, config_map: Object, field: str
) -> None:
    await api.create(config_maps, config_map)

    patched = await api.patch(f"{config_maps}/c", {"metadata": {field: "other"}})

    assert patched.status in {400, 422}


async def test_patch_of_what_is_not_there_is_not_found(
    api: KubeApi, config_maps: str
) -> None:
    patched = await api.patch(f"{config_maps}/c", {"data": {}})

    assert (patched.status, patched.reason) == (404, "NotFound")


def deployment(containers: list[str]) -> Object:
    labels = {"app": "d"}
    listed = [{"name": name, "image": f"{name}:1"} for name in containers]
    template = {"metadata": {"labels": labels}, "spec": {"containers": listed}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }
