"""Create, get, update: names, versions and optimistic locking."""

from __future__ import annotations

import pytest

from tests.support.kubeapi import KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")


def config_map(name: str, **data: str) -> Object:
    return {"metadata": {"name": name}, "data": data}


async def test_created_object_is_stamped(
    api: KubeApi, config_maps: str, namespace: str
) -> None:
    created = await api.create(config_maps, config_map("c"))

    assert created.status == 201
    assert created.metadata["namespace"] == namespace
    assert all(
        created.metadata[field]
        for field in ("uid", "resourceVersion", "creationTimestamp")
    )


async def test_client_cannot_choose_the_uid(api: KubeApi, config_maps: str) -> None:
    body = {"metadata": {"name": "c", "uid": "mine"}}

    created = await api.create(config_maps, body)

    assert created.metadata["uid"] != "mine"


async def test_what_was_created_can_be_read(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("c", a="1"))

    found = await api.get(f"{config_maps}/c")

    assert found.body == created.body
    assert (found.body["kind"], found.body["apiVersion"]) == ("ConfigMap", "v1")


async def test_name_is_given_once(api: KubeApi, config_maps: str) -> None:
    await api.create(config_maps, config_map("c"))

    again = await api.create(config_maps, config_map("c"))

    assert (again.status, again.reason) == (409, "AlreadyExists")
    assert again.message == 'configmaps "c" already exists'


async def test_missing_object_is_not_found(api: KubeApi, config_maps: str) -> None:
    found = await api.get(f"{config_maps}/nobody")

    assert (found.status, found.reason) == (404, "NotFound")
    assert found.message == 'configmaps "nobody" not found'
    assert found.body["details"] == {"name": "nobody", "kind": "configmaps"}


async def test_name_is_generated_from_a_prefix(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, {"metadata": {"generateName": "c-"}})

    name = created.metadata["name"]
    assert name.startswith("c-")
    assert len(name) == len("c-") + 5


async def test_object_without_a_name_is_refused(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, {"metadata": {}})

    assert created.status == 422
    assert created.causes == [("FieldValueRequired", "metadata.name")]


async def test_name_must_be_a_subdomain(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("Not_A_Name"))

    assert created.status == 422
    assert created.causes == [("FieldValueInvalid", "metadata.name")]


async def test_labels_must_be_well_formed(api: KubeApi, config_maps: str) -> None:
    body = {"metadata": {"name": "c", "labels": {"a b": "c d"}}}

    created = await api.create(config_maps, body)

    assert created.causes == [("FieldValueInvalid", "metadata.labels")] * 2


async def test_object_of_another_namespace_is_refused(
    api: KubeApi, config_maps: str
) -> None:
    body = {"metadata": {"name": "c", "namespace": "another"}}

    created = await api.create(config_maps, body)

    assert (created.status, created.reason) == (400, "BadRequest")


async def test_object_of_another_kind_is_refused(
    api: KubeApi, config_maps: str
) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}

    created = await api.create(config_maps, body)

    assert (created.status, created.reason) == (400, "BadRequest")


async def test_body_that_is_no_json_is_refused(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, b"junk")

    assert (created.status, created.reason) == (400, "BadRequest")


async def test_body_of_an_unknown_type_is_refused(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.request("POST", config_maps, b"{}", content_type="text/plain")

    assert (created.status, created.reason) == (415, "UnsupportedMediaType")


async def test_body_of_more_than_three_mebibytes_is_refused(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.create(config_maps, b" " * (3 * 1024 * 1024 + 1))

    assert (created.status, created.reason) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("seconds", [0, "15"])
async def test_lease_lasts_a_positive_number_of_seconds(
    api: KubeApi, namespace: str, seconds: object
) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = {"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": seconds}}

    created = await api.create(leases, lease)

    assert created.status in {400, 422}


async def test_dry_run_stores_nothing(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("c"), dryRun="All")

    found = await api.get(f"{config_maps}/c")
    assert created.status == 201
    assert found.status == 404


async def test_what_a_dry_run_would_create_has_no_version(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.create(config_maps, config_map("c"), dryRun="All")

    assert "resourceVersion" not in created.body["metadata"]
    assert created.body["metadata"]["uid"]


async def test_dry_run_of_a_change_shows_it_at_the_version_there_is(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.create(config_maps, config_map("c", a="1"))

    changed = created.body | {"data": {"a": "2"}}
    updated = await api.update(f"{config_maps}/c", changed, dryRun="All")

    assert updated.body["data"] == {"a": "2"}
    version = created.body["metadata"]["resourceVersion"]
    assert updated.body["metadata"]["resourceVersion"] == version


async def test_half_a_dry_run_is_refused(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("c"), dryRun="Some")

    assert created.causes == [("FieldValueNotSupported", "dryRun")]


async def test_update_makes_a_new_version(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("c", a="1"))

    updated = await api.update(f"{config_maps}/c", created.body | {"data": {"a": "2"}})

    assert updated.status == 200
    assert updated.body["data"] == {"a": "2"}
    assert int(updated.metadata["resourceVersion"]) > int(
        created.metadata["resourceVersion"]
    )
    assert updated.metadata["uid"] == created.metadata["uid"]


async def test_update_that_changes_nothing_makes_no_version(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.create(config_maps, config_map("c", a="1"))

    updated = await api.update(f"{config_maps}/c", created.body)

    assert updated.body == created.body


async def test_update_from_an_old_version_conflicts(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.create(config_maps, config_map("c", a="1"))
    await api.update(f"{config_maps}/c", created.body | {"data": {"a": "2"}})

    stale = await api.update(f"{config_maps}/c", created.body | {"data": {"a": "3"}})

    assert (stale.status, stale.reason) == (409, "Conflict")
    assert "the object has been modified" in stale.message


async def test_update_of_a_namesake_conflicts(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("c"))
    await api.delete(f"{config_maps}/c")
    await api.create(config_maps, config_map("c"))
    del created.body["metadata"]["resourceVersion"]

    updated = await api.update(f"{config_maps}/c", created.body)

    assert (updated.status, updated.reason) == (409, "Conflict")


async def test_config_map_may_be_updated_without_a_version(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("c", a="1"))

    updated = await api.update(f"{config_maps}/c", config_map("c", a="2"))

    assert (updated.status, updated.body["data"]) == (200, {"a": "2"})


async def test_lease_is_not_updated_without_a_version(
    api: KubeApi, namespace: str
) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}
    await api.create(leases, lease)

    updated = await api.update(f"{leases}/l", lease)

    assert updated.status == 422
    assert updated.causes == [("FieldValueInvalid", "metadata.resourceVersion")]


async def test_update_of_what_is_not_there_is_not_found(
    api: KubeApi, config_maps: str
) -> None:
    updated = await api.update(f"{config_maps}/c", config_map("c"))

    assert (updated.status, updated.reason) == (404, "NotFound")


async def test_update_under_another_name_is_refused(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("c"))

    updated = await api.update(f"{config_maps}/c", config_map("d"))

    assert (updated.status, updated.reason) == (400, "BadRequest")


async def test_collection_cannot_be_put(api: KubeApi, config_maps: str) -> None:
    updated = await api.update(config_maps, config_map("c"))

    assert (updated.status, updated.reason) == (405, "MethodNotAllowed")


async def test_event_is_created_about_an_object_of_its_namespace(
    api: KubeApi, namespace: str
) -> None:
    events = f"/api/v1/namespaces/{namespace}/events"
    about = {"kind": "ConfigMap", "name": "c", "namespace": namespace}
    event = {
        "metadata": {"generateName": "c."},
        "involvedObject": about,
        "reason": "Tested",
        "type": "Normal",
        "message": "it works",
    }

    created = await api.create(events, event)

    listed = await api.get(events, fieldSelector="involvedObject.name=c")
    assert created.status == 201
    assert [each["reason"] for each in listed.body["items"]] == ["Tested"]


async def test_event_about_another_namespace_is_refused(
    api: KubeApi, namespace: str
) -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "ConfigMap", "name": "c", "namespace": "another"},
    }

    created = await api.create(f"/api/v1/namespaces/{namespace}/events", event)

    assert created.causes == [("FieldValueInvalid", "involvedObject.namespace")]
