from __future__ import annotations

import pytest

from tests.unit.reconcilers.syncing import fail, ready, spec, sync
from tests.unit.reconcilers.world import (
    DESTINATION,
    RESOURCE,
    World,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.objects import (
    ObjectKey,
    ObservedSecret,
)
from vso_controller.kube.errors import (
    Conflict,
)

pytestmark = pytest.mark.looptime

FOREIGN = ObservedSecret(DESTINATION, "uid-of-theirs", "1", OPAQUE, b"")


async def test_renamed_destination_takes_the_old_secret_along() -> None:
    world = World().in_order()
    await sync(world)
    renamed = ObjectKey("apps", "renamed")
    world.put(
        world.resources,
        RESOURCE,
        spec(destination={"name": "renamed", "create": True}),
    )

    await sync(world)

    assert list(world.kubernetes.values) == [renamed]


async def test_orphan_that_changed_meanwhile_is_deleted_the_next_time() -> None:
    world = World().in_order()
    await sync(world)
    destination = {"name": "renamed", "create": True}
    world.put(world.resources, RESOURCE, spec(destination=destination))
    world.kubernetes.failures["delete"] = Conflict("delete secrets")
    await sync(world)
    assert DESTINATION in world.kubernetes.values
    world.kubernetes.failures.clear()

    await sync(world)

    assert list(world.kubernetes.values) == [ObjectKey("apps", "renamed")]


async def test_other_type_replaces_the_secret() -> None:
    world = World().in_order()
    await sync(world)
    uid = world.kubernetes.secrets[DESTINATION].uid
    destination = {"name": "db-secret", "create": True, "type": "example.com/db"}
    world.put(world.resources, RESOURCE, spec(destination=destination))

    await sync(world)

    secret = world.kubernetes.secrets[DESTINATION]
    assert (secret.type, secret.uid != uid) == ("example.com/db", True)


async def test_secret_is_not_given_up_for_a_type_its_data_does_not_fit() -> None:
    world = World().in_order()
    await sync(world)
    before = world.kubernetes.secrets[DESTINATION]
    destination = {"name": "db-secret", "create": True, "type": "kubernetes.io/tls"}
    world.put(world.resources, RESOURCE, spec(destination=destination))

    await fail(world)

    assert ready(world)[:2] == ("False", "InvalidSecretData")
    assert world.kubernetes.secrets[DESTINATION] == before


async def test_secret_that_lost_our_labels_is_found_and_repaired() -> None:
    world = World().in_order()
    await sync(world)
    labelled = world.kubernetes.secrets[DESTINATION]
    world.kubernetes.relabel(DESTINATION, {})
    assert world.kubernetes.watched.get(DESTINATION) is None, "it is watched by label"

    await sync(world)

    assert world.kubernetes.secrets[DESTINATION].uid == labelled.uid
    assert world.kubernetes.secrets[DESTINATION].labels == labelled.labels


async def test_secret_that_changes_under_every_write_is_left_for_later() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.put(version=2, password="n3w")
    world.kubernetes.failures["patch"] = Conflict("patch secrets")

    await fail(world)

    message = world.condition(world.resources, RESOURCE, "Healthy")[2]
    assert "changed under each of 3 attempts" in message


async def test_secret_of_somebody_else_is_left_alone() -> None:
    world = World().in_order()
    world.kubernetes.put(FOREIGN, {"theirs": b"1"})

    await fail(world)

    assert world.kubernetes.values[DESTINATION] == {"theirs": b"1"}
    assert ready(world)[:2] == ("False", "DestinationNotOwned")


async def test_secret_appears_when_the_foreign_one_is_gone() -> None:
    world = World().in_order()
    world.kubernetes.put(FOREIGN, {"theirs": b"1"})
    await fail(world)
    world.kubernetes.remove(DESTINATION)

    await sync(world)

    assert ready(world)[0] == "True"
    assert world.kubernetes.told[-1].reason == "SecretSynced"


async def test_users_own_secret_is_filled() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination={"name": "db-secret"}))
    world.kubernetes.put(FOREIGN, {"old": b"1"})

    await sync(world)

    assert set(world.kubernetes.values[DESTINATION]) == {"password", "_raw"}
    assert world.kubernetes.secrets[DESTINATION].labels == {}


async def test_users_own_secret_that_is_missing_is_told() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination={"name": "db-secret"}))

    await fail(world)

    assert ready(world)[:2] == ("False", "DestinationMissing")


OWN = {"name": "db-secret"}


def with_own_secret() -> World:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination=OWN))
    world.kubernetes.put(FOREIGN, {"old": b"1"})
    return world


async def test_users_own_secret_costs_no_request_while_nobody_touches_it() -> None:
    world = with_own_secret()
    await sync(world)
    before = (world.kubernetes.writes, world.kubernetes.reads)

    for _ in range(3):
        await sync(world)

    assert (world.kubernetes.writes, world.kubernetes.reads) == before


async def test_users_own_secret_is_read_each_time_without_a_watch() -> None:
    world = with_own_secret()
    world.kubernetes.versions.synced = False
    await sync(world)
    reads = world.kubernetes.reads

    await sync(world)

    assert world.kubernetes.reads == reads + 1


async def test_users_own_secret_edited_by_hand_is_put_back() -> None:
    world = with_own_secret()
    await sync(world)
    world.woken.clear()
    world.kubernetes.edit(DESTINATION, password=b"tampered")

    assert RESOURCE in world.woken, "the watch tells of the edit"
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"


async def test_write_to_a_users_own_secret_wakes_nobody() -> None:
    world = with_own_secret()
    world.woken.clear()

    await sync(world)

    assert RESOURCE not in world.woken


async def test_users_own_secret_that_appears_wakes_who_waits_for_it() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination=OWN))
    await fail(world)
    reads = world.kubernetes.reads
    await fail(world)
    assert world.kubernetes.reads == reads, "the watch knows that it is not there"
    world.woken.clear()

    world.kubernetes.put(FOREIGN, {})

    assert RESOURCE in world.woken
    await sync(world)
    assert ready(world)[0] == "True"


@pytest.mark.parametrize("how", ["deleted", "creates its own"])
async def test_users_own_secret_is_let_go_of(how: str) -> None:
    world = with_own_secret()
    await sync(world)
    assert world.kubernetes.versions.users == {("apps", RESOURCE)}

    if how == "deleted":
        world.remove(world.resources, RESOURCE)
    else:
        own = {"name": "another", "create": True}
        world.put(world.resources, RESOURCE, spec(destination=own))
    await sync(world)

    assert world.kubernetes.versions.users == set()
