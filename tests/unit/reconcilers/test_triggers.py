from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    DESTINATION,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.domain.ownership import owner_labels
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.objects import (
    Envelope,
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)

OWNER = OwnerReference(
    "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "database", "uid-of-database"
)
SECRET = ObservedSecret(DESTINATION, "uid", "1", OPAQUE, b"")


@pytest.fixture
def world() -> World:
    world = World().in_order()
    world.woken.clear()
    return world


def touch(world: World, envelope: Envelope) -> None:
    version = world.kubernetes.next_version()
    touched = replace(envelope, resource_version=version)
    world.resources.apply(WatchEvent(EventType.MODIFIED, version, touched))


def held(world: World) -> Envelope:
    envelope = world.resources.get(RESOURCE)
    assert envelope is not None
    return envelope


def test_changed_auth_wakes_itself_and_its_users(world: World) -> None:
    world.put(world.auths, AUTH, AUTH_SPEC | {"mount": "other"})

    assert set(world.woken) == {AUTH, RESOURCE}


def test_changed_connection_wakes_all_who_use_it(world: World) -> None:
    world.put(world.connections, CONNECTION, {"address": "https://other"})

    assert set(world.woken) == {CONNECTION, AUTH, RESOURCE}


def test_changed_connection_wakes_nobody_elses_users(world: World) -> None:
    theirs, their_auth = ObjectKey("apps", "theirs"), ObjectKey("apps", "their-auth")
    world.put(world.connections, theirs, CONNECTION_SPEC)
    world.put(world.auths, their_auth, AUTH_SPEC | {"vaultConnectionRef": theirs.name})
    users = [ObjectKey("apps", f"r{number}") for number in range(50)]
    for user in users:
        spec = RESOURCE_SPEC | {"vaultAuthRef": their_auth.name}
        world.put(world.resources, user, spec)
    world.woken.clear()

    world.put(world.connections, theirs, {"address": "https://other"})

    assert sorted(world.woken) == sorted([theirs, their_auth, *users])


def test_status_of_others_wakes_nobody(world: World) -> None:
    touch(world, replace(held(world), status=b'{"lastGeneration": 1}'))

    assert world.woken == []


@pytest.mark.parametrize("changed", ["labels", "annotations"])
def test_changed_metadata_wakes_the_resource(world: World, changed: str) -> None:
    touch(
        world,
        replace(held(world), labels={"a": "b"})
        if changed == "labels"
        else replace(held(world), annotations={"a": "b"}),
    )

    assert world.woken == [RESOURCE]


def test_resource_made_anew_under_its_name_is_looked_at(world: World) -> None:
    touch(world, replace(held(world), uid="uid-of-the-next"))

    assert set(world.woken) == {RESOURCE}


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(
            replace(SECRET, labels=owner_labels(OWNER.uid), owners=(OWNER,)), id="both"
        ),
        pytest.param(replace(SECRET, labels=owner_labels(OWNER.uid)), id="label alone"),
        pytest.param(
            replace(SECRET, labels=owner_labels("former"), owners=(OWNER,)),
            id="owner reference alone",
        ),
    ],
)
def test_changed_secret_wakes_its_owner(world: World, secret: ObservedSecret) -> None:
    world.kubernetes.put(secret, {"a": b"1"})

    assert set(world.woken) == {RESOURCE}


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(replace(OWNER, api_version="apps/v1"), id="another group"),
        pytest.param(replace(OWNER, kind="VaultPKISecret"), id="another kind"),
    ],
)
def test_owner_of_another_kind_is_not_taken_for_its_namesake(
    world: World, owner: OwnerReference
) -> None:
    marks = owner_labels(owner.uid + "-of-another-kind")

    world.kubernetes.put(replace(SECRET, labels=marks, owners=(owner,)), {"a": b"1"})

    assert world.woken == []


def test_label_forged_in_another_namespace_wakes_nobody(world: World) -> None:
    forged = replace(
        SECRET, key=ObjectKey("other", "x"), labels=owner_labels(OWNER.uid)
    )

    world.kubernetes.put(forged, {"a": b"1"})

    assert world.woken == []


@pytest.mark.parametrize("reference", ["a/b/c", 1])
def test_reference_nobody_can_read_is_no_reference(
    world: World, reference: object
) -> None:
    world.put(world.resources, RESOURCE, RESOURCE_SPEC | {"vaultAuthRef": reference})
    world.put(world.auths, AUTH, AUTH_SPEC | {"vaultConnectionRef": reference})
    world.woken.clear()

    world.put(world.connections, CONNECTION, {"address": "https://other"})

    assert world.woken == [CONNECTION]
