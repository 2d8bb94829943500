"""Namespaces: what comes with them, and how they go."""

from __future__ import annotations

import pytest

from tests.contract.waiting import PATIENCE, wait_gone
from tests.support.conditions import eventually
from tests.support.kubeapi import KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELD: Object = {"metadata": {"name": "c", "finalizers": ["contract.example.com/hold"]}}


async def test_new_namespace_is_active_and_furnished(
    api: KubeApi, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}"

    async def furnished() -> None:
        bundle = await api.get(f"{path}/configmaps/kube-root-ca.crt")
        assert bundle.body.get("data", {}).get("ca.crt", "").startswith("-----BEGIN")

    await eventually(furnished, within=PATIENCE)
    found = await api.get(path)
    assert found.body["status"]["phase"] == "Active"


async def test_default_account_comes_back(api: KubeApi, namespace: str) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"

    deleted = await api.delete(account)

    async def back() -> None:
        found = await api.get(account)
        assert found.status == 200
        assert found.metadata["uid"] != deleted.metadata.get("uid")

    await eventually(back, within=PATIENCE)


async def test_nothing_is_created_in_a_namespace_that_is_not_there(
    api: KubeApi,
) -> None:
    created = await api.create(
        "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "c"}}
    )

    assert (created.status, created.reason) == (404, "NotFound")
    assert created.message == 'namespaces "nowhere" not found'


async def test_list_in_a_namespace_that_is_not_there_is_empty(api: KubeApi) -> None:
    found = await api.get("/api/v1/namespaces/nowhere/configmaps")

    assert (found.status, found.body["items"]) == (200, [])


async def test_namespace_name_must_be_a_label(api: KubeApi) -> None:
    created = await api.create("/api/v1/namespaces", {"metadata": {"name": "a.b"}})

    assert created.causes == [("FieldValueInvalid", "metadata.name")]


async def test_namespace_takes_its_contents_along(
    api: KubeApi, namespace: str, config_maps: str
) -> None:
    await api.create(config_maps, {"metadata": {"name": "c"}})

    deleted = await api.delete(f"/api/v1/namespaces/{namespace}")

    await wait_gone(api, f"/api/v1/namespaces/{namespace}")
    left = await api.get(config_maps)
    assert deleted.status == 200
    assert left.body["items"] == []


async def test_namespace_waits_for_the_finalizers_of_its_contents(
    api: KubeApi, namespace: str, config_maps: str
) -> None:
    await api.create(config_maps, HELD)
    await api.delete(f"/api/v1/namespaces/{namespace}")

    async def content_is_deleted() -> None:
        found = await api.get(f"{config_maps}/c")
        assert "deletionTimestamp" in found.metadata

    await eventually(content_is_deleted, within=PATIENCE)
    waiting = await api.get(f"/api/v1/namespaces/{namespace}")
    assert waiting.body["status"]["phase"] == "Terminating"

    await api.patch(f"{config_maps}/c", {"metadata": {"finalizers": None}})
    await wait_gone(api, f"/api/v1/namespaces/{namespace}")


async def test_nothing_is_created_in_a_namespace_that_goes(
    api: KubeApi, namespace: str, config_maps: str
) -> None:
    await api.create(config_maps, HELD)
    await api.delete(f"/api/v1/namespaces/{namespace}")

    created = await api.create(config_maps, {"metadata": {"name": "late"}})

    assert (created.status, created.reason) == (403, "Forbidden")
    assert created.causes == [("NamespaceTerminating", "metadata.namespace")]
    await api.patch(f"{config_maps}/c", {"metadata": {"finalizers": None}})


async def test_what_is_in_a_namespace_that_goes_can_be_changed(
    api: KubeApi, namespace: str, config_maps: str
) -> None:
    await api.create(config_maps, HELD)
    await api.delete(f"/api/v1/namespaces/{namespace}")

    patched = await api.patch(f"{config_maps}/c", {"data": {"a": "1"}})

    assert patched.status == 200
    await api.patch(f"{config_maps}/c", {"metadata": {"finalizers": None}})
