"""What a VaultStaticSecret costs a process that begins to lead."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.fakes.kubernetes import DIGEST_KEY
from tests.unit.reconcilers.syncing import fail, ready, spec, sync
from tests.unit.reconcilers.world import (
    AUTH,
    DESTINATION,
    OPERATOR,
    RESOURCE,
    World,
)
from vso_controller.domain.hmackey import NAME
from vso_controller.domain.ownership import owner_labels
from vso_controller.foundation.objects import (
    Envelope,
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)
from vso_controller.vault.errors import ServerSealed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

OWN = {"name": "db-secret"}


def upstreams_mac(data: dict[str, bytes]) -> str:
    """Return the MAC of data without odd keys, as upstream's documentation has it."""
    document = {name: b64encode(data[name]).decode() for name in sorted(data)}
    message = json.dumps(document, separators=(",", ":")).encode()
    return b64encode(hmac.digest(DIGEST_KEY, message, hashlib.sha256)).decode()


def requests(world: World) -> tuple[int, int, int, int]:
    """Return what was asked so far: reads of Vault, logins, writes and reads."""
    calls = world.vault.calls
    kubernetes = world.kubernetes
    reads = calls[Operation.READ]
    return reads, calls[Operation.LOGIN], kubernetes.writes, kubernetes.reads


def mac(world: World) -> object:
    return world.status(world.resources, RESOURCE).get("secretMAC")


async def in_step() -> World:
    """Return a world whose resource is in step, and whose leader has just changed."""
    world = World().in_order()
    await sync(world)
    await world.hand_over()
    return world


async def test_mac_of_what_was_written_is_in_the_status() -> None:
    world = World().in_order()

    await sync(world)

    assert mac(world) == upstreams_mac(world.kubernetes.values[DESTINATION])


async def test_mac_follows_the_data() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.put(version=2, password="n3w")

    await sync(world)

    assert mac(world) == upstreams_mac(world.kubernetes.values[DESTINATION])


async def test_mac_of_a_users_own_secret_is_kept_too() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination=OWN))
    world.kubernetes.put(ObservedSecret(DESTINATION, "theirs", "1", "Opaque", b""), {})

    await sync(world)

    assert mac(world) == upstreams_mac(world.kubernetes.values[DESTINATION])


async def test_failure_leaves_the_mac_of_what_is_there() -> None:
    world = World().in_order()
    await sync(world)
    before = mac(world)
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")

    await fail(world)

    assert mac(world) == before is not None


async def test_mac_is_taken_away_where_none_is_wanted() -> None:
    world = World().in_order()
    await sync(world)
    world.put(world.resources, RESOURCE, spec(hmacSecretData=False))

    await sync(world)

    assert "secretMAC" not in world.status(world.resources, RESOURCE)
    before = requests(world)
    await sync(world)
    assert requests(world)[2:] == before[2:], "nothing is written a second time"


async def test_resource_in_step_is_adopted_without_a_request() -> None:
    world = await in_step()
    before = requests(world)

    await sync(world)

    assert requests(world) == before
    assert ready(world)[0] == "True"
    told = generate_latest(world.metrics.registry).decode()
    assert 'controller_resource_status{controller="vaultstaticsecret"' in told


async def test_slot_is_the_same_after_a_change_of_leader() -> None:
    world = World().in_order()
    before = (await sync(world)).requeue_after
    await world.hand_over()
    await asyncio.sleep(1)

    after = (await sync(world)).requeue_after

    assert before is not None
    assert after == pytest.approx((before - 1) % 30)
    assert world.vault.calls[Operation.READ] == 1


async def test_adopted_resource_is_read_when_it_comes_again() -> None:
    world = await in_step()
    outcome = await sync(world)
    world.vault.put(version=2, password="n3w")

    assert outcome.requeue_after is not None
    await asyncio.sleep(outcome.requeue_after)
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"n3w"
    assert world.vault.logins == 2, "one each of the former leader and of this one"


async def test_edit_of_an_adopted_secret_is_put_back_at_once() -> None:
    world = await in_step()
    await sync(world)
    world.kubernetes.edit(DESTINATION, password=b"tampered")

    assert RESOURCE in world.woken
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"


Change = Callable[[World], object]


def edit_spec(**changes: object) -> Change:
    return lambda world: world.put(world.resources, RESOURCE, spec(**changes))


def edit_destination(**changes: object) -> Change:
    return edit_spec(destination={"name": "db-secret", "create": True, **changes})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edit_spec(refreshAfter="31s"), id="edited spec"),
        pytest.param(edit_destination(labels={"a": "b"}), id="label in the spec"),
        pytest.param(
            lambda world: world.kubernetes.edit(DESTINATION, password=b"tampered"),
            id="edited Secret",
        ),
        pytest.param(
            lambda world: world.kubernetes.remove(DESTINATION), id="deleted Secret"
        ),
        pytest.param(
            lambda world: world.kubernetes.relabel(DESTINATION, {}), id="labels gone"
        ),
    ],
)
async def test_what_changed_while_nobody_led_is_mended_at_once(change: Change) -> None:
    world = await in_step()
    labels = world.kubernetes.secrets[DESTINATION].labels
    change(world)

    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"
    secret = world.kubernetes.secrets[DESTINATION]
    assert labels.items() <= secret.labels.items()
    status = world.status(world.resources, RESOURCE)
    envelope = world.resources.get(RESOURCE)
    assert envelope is not None
    assert status["lastGeneration"] == envelope.generation
    assert world.vault.calls[Operation.READ] == 2


async def test_resource_that_was_failing_is_tried_at_once() -> None:
    world = World().in_order()
    await sync(world)
    world.vault.failures[Operation.READ] = ServerSealed("Vault is sealed")
    await fail(world)
    world.vault.failures.clear()
    await world.hand_over()

    await sync(world)

    assert world.condition(world.resources, RESOURCE, "Healthy")[0] == "True"


async def test_resource_without_a_mac_is_read_at_once() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(hmacSecretData=False))
    await sync(world)
    await world.hand_over()
    before = requests(world)

    await sync(world)

    assert world.vault.calls[Operation.READ] == before[0] + 1
    assert requests(world)[2:] == before[2:]


async def test_users_own_secret_is_read_and_compared_at_once() -> None:
    world = World().in_order()
    world.put(world.resources, RESOURCE, spec(destination=OWN))
    world.kubernetes.put(ObservedSecret(DESTINATION, "theirs", "1", "Opaque", b""), {})
    await sync(world)
    await world.hand_over()
    writes = world.kubernetes.writes

    await sync(world)

    assert world.vault.calls[Operation.READ] == 2
    assert world.kubernetes.writes == writes


async def test_missing_auth_is_told_at_once_though_all_else_is_in_step() -> None:
    world = await in_step()
    world.remove(world.auths, AUTH)

    await sync(world)

    assert world.condition(world.resources, RESOURCE, "Healthy")[0] == "False"


async def test_resource_made_anew_under_its_name_is_not_known() -> None:
    world = World().in_order()
    await sync(world)
    held = world.resources.get(RESOURCE)
    assert held is not None

    anew = Envelope(RESOURCE, "another-uid", held.resource_version, 1, spec=held.spec)

    assert held in world.known
    assert anew not in world.known


async def test_resource_that_is_gone_is_forgotten() -> None:
    world = World().in_order()
    await sync(world)
    held = world.resources.get(RESOURCE)
    assert held is not None
    world.remove(world.resources, RESOURCE)

    await sync(world)

    assert held not in world.known


async def test_other_key_costs_one_read_and_one_status_and_no_secret() -> None:
    """The digests of the watch are made with the key of now, the MAC was not."""
    world = await in_step()
    stale = {"secretMAC": b64encode(b"made with the former key").decode()}
    status = world.status(world.resources, RESOURCE)
    world.give_status(world.resources, RESOURCE, status | stale)
    secret = world.kubernetes.secrets[DESTINATION]
    before = requests(world)

    for _ in range(3):
        await world.hand_over()
        await sync(world)

    assert world.kubernetes.secrets[DESTINATION] == secret
    assert mac(world) == upstreams_mac(world.kubernetes.values[DESTINATION])
    reads, logins, writes, _ = requests(world)
    assert (reads - before[0], logins - before[1], writes - before[2]) == (1, 1, 1)


async def test_objects_that_upstream_left_are_adopted_as_they_are() -> None:
    world = World().in_order()
    data = {"password": b"s3cret", "_raw": b'{"data":{"password":"s3cret"}}'}
    put_as_upstream(world, data)
    before = requests(world)

    await sync(world)

    assert requests(world) == before


def put_as_upstream(world: World, data: dict[str, bytes]) -> None:
    """Have a resource and its Secret as the upstream operator leaves them."""
    held = world.resources.get(RESOURCE)
    assert held is not None
    owner = OwnerReference(
        "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "database", held.uid
    )
    secret = ObservedSecret(
        key=DESTINATION,
        uid="uid-of-secret",
        resource_version="1",
        type="Opaque",
        digest=b"",
        labels=owner_labels(held.uid),
        owners=(owner,),
    )
    world.kubernetes.put(secret, data)
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": kind,
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind in ("SecretSynced", "Healthy", "Ready")
    ]
    status: dict[str, Any] = {
        "lastGeneration": 1,
        "secretMAC": upstreams_mac(data),
        "vaultClientMeta": {"cacheKey": "kubernetes-0123", "id": "45"},
        "conditions": conditions,
    }
    world.give_status(world.resources, RESOURCE, status)


@pytest.mark.parametrize("name", [NAME, "vso-cc-kubernetes-0123"])
async def test_secret_of_the_controller_is_no_destination(name: str) -> None:
    world = World().in_order()
    theirs = ObjectKey(OPERATOR, "theirs")
    destination = {"name": name, "create": True, "overwrite": True}
    world.put(world.resources, theirs, spec(destination=destination))
    own = ObservedSecret(ObjectKey(OPERATOR, name), "uid-of-key", "1", "Opaque", b"")
    world.kubernetes.put(own, {"key": b"0123456789abcdef"})

    await world.static_secret.reconcile(theirs, 0)

    status, reason, message = world.condition(world.resources, theirs, "Ready")
    assert (status, reason) == ("False", "InvalidSpec")
    assert message == (
        f"spec.destination.name: Secret {OPERATOR}/{name} is the controller's own"
    )
    assert world.kubernetes.values[own.key] == {"key": b"0123456789abcdef"}
    assert world.vault.calls[Operation.READ] == 0
