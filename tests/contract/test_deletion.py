"""Deletion: preconditions, finalizers, and what becomes of dependents."""

from __future__ import annotations

import pytest

from tests.contract.waiting import wait_gone
from tests.contract.widgets import API_VERSION, widget
from tests.support.conditions import eventually
from tests.support.kubeapi import JSON_PATCH, KubeApi, Object

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

# Seconds. A real garbage collector looks for new kinds only every half minute.
PATIENCE = 45.0
FINALIZER = "contract.example.com/hold"


def config_map(name: str, **metadata: object) -> Object:
    return {"metadata": {"name": name, **metadata}}


def owned_by(owner: Object, **reference: object) -> Object:
    meta = owner["metadata"]
    named = {"apiVersion": API_VERSION, "kind": "Widget", "name": meta["name"]}
    return {"ownerReferences": [named | {"uid": meta["uid"]} | reference]}


async def test_deleted_object_is_gone(api: KubeApi, config_maps: str) -> None:
    created = await api.create(config_maps, config_map("c"))

    deleted = await api.delete(f"{config_maps}/c")

    found = await api.get(f"{config_maps}/c")
    assert deleted.status == 200
    assert deleted.body["status"] == "Success"
    assert deleted.body["details"]["uid"] == created.metadata["uid"]
    assert found.status == 404


async def test_deleting_what_is_not_there_is_not_found(
    api: KubeApi, config_maps: str
) -> None:
    deleted = await api.delete(f"{config_maps}/c")

    assert (deleted.status, deleted.reason) == (404, "NotFound")


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
async def test_deletion_of_another_than_was_meant_conflicts(
    api: KubeApi, config_maps: str, field: str
) -> None:
    await api.create(config_maps, config_map("c"))

    deleted = await api.delete(f"{config_maps}/c", {"preconditions": {field: "1"}})

    found = await api.get(f"{config_maps}/c")
    assert (deleted.status, deleted.reason) == (409, "Conflict")
    assert found.status == 200


async def test_deletion_of_what_was_meant_succeeds(
    api: KubeApi, config_maps: str
) -> None:
    created = await api.create(config_maps, config_map("c"))
    wanted = {
        "uid": created.metadata["uid"],
        "resourceVersion": created.metadata["resourceVersion"],
    }

    deleted = await api.delete(f"{config_maps}/c", {"preconditions": wanted})

    assert deleted.status == 200


async def test_dry_deletion_deletes_nothing(api: KubeApi, config_maps: str) -> None:
    await api.create(config_maps, config_map("c"))

    deleted = await api.delete(f"{config_maps}/c", dryRun="All")

    found = await api.get(f"{config_maps}/c")
    assert (deleted.status, found.status) == (200, 200)


async def test_finalizer_holds_a_deleted_object(api: KubeApi, widgets: str) -> None:
    body = widget("w")
    body["metadata"]["finalizers"] = [FINALIZER]
    await api.create(widgets, body)

    deleted = await api.delete(f"{widgets}/w")

    found = await api.get(f"{widgets}/w")
    assert deleted.status == 200
    assert found.metadata["deletionTimestamp"]
    assert found.metadata["generation"] == 2


async def test_object_goes_with_its_last_finalizer(api: KubeApi, widgets: str) -> None:
    body = widget("w")
    body["metadata"]["finalizers"] = [FINALIZER]
    await api.create(widgets, body)
    await api.delete(f"{widgets}/w")

    patched = await api.patch(f"{widgets}/w", {"metadata": {"finalizers": None}})

    found = await api.get(f"{widgets}/w")
    assert patched.status == 200
    assert found.status == 404


async def test_finalizer_cannot_be_added_to_a_deleted_object(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("c", finalizers=[FINALIZER]))
    await api.delete(f"{config_maps}/c")

    finalizers = [FINALIZER, "contract.example.com/more"]
    patched = await api.patch(
        f"{config_maps}/c", {"metadata": {"finalizers": finalizers}}
    )

    assert patched.status == 422
    assert set(patched.causes) == {("FieldValueForbidden", "metadata.finalizers")}


async def test_watch_tells_the_last_state_of_a_deleted_object(
    api: KubeApi, config_maps: str
) -> None:
    body = config_map("c") | {"data": {"last": "words"}}
    created = await api.create(config_maps, body)
    since = created.metadata["resourceVersion"]

    async with api.watch(config_maps, resourceVersion=since) as watch:
        await api.delete(f"{config_maps}/c")
        (event,) = await watch.take(1)

    assert event["type"] == "DELETED"
    assert event["object"]["data"] == {"last": "words"}
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(since)


async def test_collection_is_deleted_by_selector(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, config_map("a", labels={"team": "red"}))
    await api.create(config_maps, config_map("b", labels={"team": "blue"}))

    deleted = await api.delete(config_maps, labelSelector="team=red")

    left = await api.get(config_maps, labelSelector="team")
    assert deleted.status == 200
    assert left.names == ["b"]


async def test_dependent_goes_after_its_owner(
    api: KubeApi, widgets: str, secrets: str
) -> None:
    owner = await api.create(widgets, widget("w"))
    await api.create(secrets, config_map("s", **owned_by(owner.body)))

    await api.delete(f"{widgets}/w", {"propagationPolicy": "Background"})

    await wait_gone(api, f"{secrets}/s", within=PATIENCE)


async def test_dependent_of_an_owner_that_never_was_goes(
    api: KubeApi, secrets: str
) -> None:
    nobody = {"metadata": {"name": "nobody", "uid": "no-such-uid"}}

    await api.create(secrets, config_map("s", **owned_by(nobody)))

    await wait_gone(api, f"{secrets}/s", within=PATIENCE)


async def test_dependent_of_a_namesake_goes(
    api: KubeApi, widgets: str, secrets: str
) -> None:
    first = await api.create(widgets, widget("w"))
    await api.delete(f"{widgets}/w")
    await api.create(widgets, widget("w"))

    await api.create(secrets, config_map("s", **owned_by(first.body)))

    await wait_gone(api, f"{secrets}/s", within=PATIENCE)


async def test_dependent_stays_while_one_owner_does(
    api: KubeApi, widgets: str, secrets: str
) -> None:
    going = await api.create(widgets, widget("going"))
    staying = await api.create(widgets, widget("staying"))
    (one,) = owned_by(going.body)["ownerReferences"]
    (other,) = owned_by(staying.body)["ownerReferences"]
    await api.create(secrets, config_map("s", ownerReferences=[one, other]))

    await api.delete(f"{widgets}/going")

    async def one_owner_left() -> None:
        found = await api.get(f"{secrets}/s")
        assert found.metadata["ownerReferences"] == [other]

    await eventually(one_owner_left, within=PATIENCE)


async def test_orphan_loses_its_owner_and_stays(
    api: KubeApi, widgets: str, secrets: str
) -> None:
    owner = await api.create(widgets, widget("w"))
    await api.create(secrets, config_map("s", **owned_by(owner.body)))

    await api.delete(f"{widgets}/w", {"propagationPolicy": "Orphan"})

    await wait_gone(api, f"{widgets}/w", within=PATIENCE)
    found = await api.get(f"{secrets}/s")
    assert "ownerReferences" not in found.metadata


async def test_owner_waits_for_a_dependent_that_blocks(
    api: KubeApi, widgets: str, secrets: str
) -> None:
    owner = await api.create(widgets, widget("w"))
    reference = owned_by(owner.body, blockOwnerDeletion=True)
    held = config_map("s", finalizers=[FINALIZER], **reference)
    await api.create(secrets, held)

    await api.delete(f"{widgets}/w", {"propagationPolicy": "Foreground"})

    async def dependent_is_deleted() -> None:
        found = await api.get(f"{secrets}/s")
        assert "deletionTimestamp" in found.metadata

    await eventually(dependent_is_deleted, within=PATIENCE)
    waiting = await api.get(f"{widgets}/w")
    assert waiting.metadata["finalizers"] == ["foregroundDeletion"]

    await api.patch(f"{secrets}/s", {"metadata": {"finalizers": None}})
    await wait_gone(api, f"{widgets}/w", within=PATIENCE)


async def test_owner_waits_for_no_dependent_that_does_not_block(
    api: KubeApi, widgets: str, secrets: str
) -> None:
    owner = await api.create(widgets, widget("w"))
    await api.create(secrets, config_map("s", **owned_by(owner.body)))

    await api.delete(f"{widgets}/w", {"propagationPolicy": "Foreground"})

    await wait_gone(api, f"{widgets}/w", within=PATIENCE)
    await wait_gone(api, f"{secrets}/s", within=PATIENCE)


async def test_owners_of_each_other_go_together(
    api: KubeApi, config_maps: str, widgets: str
) -> None:
    held = widget("a")
    held["metadata"]["finalizers"] = [FINALIZER]
    first = await api.create(widgets, held)
    second = config_map("b", finalizers=[FINALIZER], **owned_by(first.body))
    created = await api.create(config_maps, second)
    back = {"apiVersion": "v1", "kind": "ConfigMap", "name": "b"}
    owner = back | {"uid": created.metadata["uid"], "blockOwnerDeletion": True}
    await api.patch(f"{widgets}/a", {"metadata": {"ownerReferences": [owner]}})

    for path in (f"{config_maps}/b", f"{widgets}/a"):
        await api.delete(path, {"propagationPolicy": "Foreground"})
    for path in (f"{config_maps}/b", f"{widgets}/a"):
        hold = {"op": "test", "path": "/metadata/finalizers/0", "value": FINALIZER}
        drop = {"op": "remove", "path": "/metadata/finalizers/0"}
        patched = await api.patch(path, [hold, drop], content_type=JSON_PATCH)
        assert patched.status == 200

    await wait_gone(api, f"{config_maps}/b", within=PATIENCE)
    await wait_gone(api, f"{widgets}/a", within=PATIENCE)
