"""Credentials from Vault to a Secret, and what becomes of their leases."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.reconcilers.dynamics import (
    CREDENTIALS,
    ROLE,
    lease,
    owed,
    password,
    put,
    ready,
    run,
    status,
    sync,
    world_in_order,
)
from tests.unit.reconcilers.world import DESTINATION
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObservedSecret
from vso_controller.kube.errors import ConnectionFailed, Forbidden
from vso_controller.vault.errors import ServerFailed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

HOUR = 3600.0


async def test_credentials_are_issued_and_written() -> None:
    world = world_in_order()

    outcome = await sync(world)

    assert password(world) == b"canary-password-1"
    assert lease(world) == f"{ROLE}/1"
    assert ready(world)[0] == "True"
    assert outcome.requeue_after is not None
    assert 0.67 * HOUR <= outcome.requeue_after <= 0.77 * HOUR


async def test_looking_again_changes_nothing() -> None:
    world = world_in_order()
    await sync(world)
    writes = world.kubernetes.writes

    await sync(world)

    assert world.vault.calls[Operation.ISSUE] == 1
    assert world.kubernetes.writes == writes


async def test_lease_is_renewed_and_its_credentials_stay() -> None:
    world = world_in_order()

    await run(world, seconds=24 * HOUR)

    assert password(world) == b"canary-password-1"
    assert world.vault.calls[Operation.ISSUE] == 1
    assert world.vault.living_leases() == {lease(world)}
    assert world.vault.calls[Operation.RENEW_LEASE] <= 1.6 * 24


async def test_lease_at_its_longest_is_replaced_before_it_ends() -> None:
    world = world_in_order()
    world.vault.lease_max_ttl = 3 * HOUR

    await run(world, seconds=2.95 * HOUR)

    assert world.vault.calls[Operation.ISSUE] == 2
    assert password(world) == b"canary-password-2"
    assert owed(world) == [f"{ROLE}/1"]
    assert world.vault.living_leases() == {lease(world), f"{ROLE}/1"}


async def test_replaced_lease_is_on_record_until_it_ended() -> None:
    world = world_in_order()
    world.vault.lease_max_ttl = 3 * HOUR

    await run(world, seconds=3.2 * HOUR)

    assert owed(world) == []
    assert world.vault.living_leases() == {lease(world)}
    assert world.vault.calls[Operation.REVOKE_LEASE] == 0


async def test_defect_6_lease_that_cannot_be_renewed_is_replaced() -> None:
    world = world_in_order()
    world.vault.lease_renewable = False

    await run(world, seconds=0.8 * HOUR)

    assert password(world) == b"canary-password-2"


async def test_row_43_lease_that_somebody_revoked_is_replaced_once() -> None:
    world = world_in_order()
    await sync(world)
    world.vault.leases.clear()

    await run(world, seconds=HOUR)

    assert world.vault.calls[Operation.ISSUE] == 2
    assert password(world) == b"canary-password-2"


async def test_row_36_renewal_that_fails_is_tried_again_and_issues_nothing() -> None:
    world = world_in_order()
    await sync(world)
    await asyncio.sleep(0.78 * HOUR)
    world.vault.failures[Operation.RENEW_LEASE] = ServerFailed("500")

    await run(world, seconds=300)

    assert world.vault.calls[Operation.RENEW_LEASE] > 2
    assert ready(world)[0] == "True"
    assert world.condition(world.dynamic, CREDENTIALS, "LeaseRenewal")[0] == "False"
    del world.vault.failures[Operation.RENEW_LEASE]
    await run(world, seconds=HOUR)
    assert world.vault.calls[Operation.ISSUE] == 1
    assert world.condition(world.dynamic, CREDENTIALS, "LeaseRenewal")[0] == "True"


async def test_row_36_lease_whose_renewal_fails_to_the_last_is_replaced() -> None:
    world = world_in_order()
    world.vault.failures[Operation.RENEW_LEASE] = ServerFailed("500")

    await run(world, seconds=0.95 * HOUR)

    assert world.vault.calls[Operation.ISSUE] == 2
    assert password(world) == b"canary-password-2"


async def test_answer_without_a_lease_is_asked_for_again_after_refresh_after() -> None:
    world = world_in_order()
    world.vault.lease_ttl = 0
    put(world, refreshAfter="10m")

    await run(world, seconds=HOUR)

    assert world.vault.calls[Operation.ISSUE] in range(8, 11)


async def test_answer_without_a_lease_stays_where_nobody_asks_for_more() -> None:
    world = world_in_order()
    world.vault.lease_ttl = 0

    outcome = await sync(world)

    assert outcome.requeue_after is None
    assert ready(world)[0] == "True"


@pytest.mark.parametrize(
    "changes",
    [{"renewalPercent": 30}, {"revoke": False}, {"refreshAfter": "1h"}],
    ids=str,
)
async def test_edit_that_asks_for_nothing_else_issues_nothing(
    changes: dict[str, object],
) -> None:
    world = world_in_order()
    await sync(world)

    put(world, **changes)
    await sync(world)

    assert world.vault.calls[Operation.ISSUE] == 1
    assert status(world)["lastGeneration"] == 2


async def test_edit_of_the_question_issues_anew() -> None:
    world = world_in_order()
    await sync(world)

    put(world, params={"ttl": "2h"})
    await sync(world)

    assert password(world) == b"canary-password-2"
    assert owed(world) == [f"{ROLE}/1"]


async def test_labels_of_the_destination_are_written_without_an_issue() -> None:
    world = world_in_order()
    await sync(world)

    destination = {"name": DESTINATION.name, "create": True, "labels": {"a": "b"}}
    put(world, destination=destination)
    await sync(world)

    assert world.kubernetes.secrets[DESTINATION].labels["a"] == "b"
    assert world.vault.calls[Operation.ISSUE] == 1


async def test_secret_that_was_deleted_is_made_anew_from_another_lease() -> None:
    world = world_in_order()
    await sync(world)

    world.kubernetes.remove(DESTINATION)
    await sync(world)

    assert password(world) == b"canary-password-2"
    assert owed(world) == [f"{ROLE}/1"]


async def test_secret_that_was_edited_is_put_right_and_its_lease_revoked() -> None:
    world = world_in_order()
    await sync(world)

    world.kubernetes.edit(DESTINATION, password=b"tampered")
    await sync(world)

    assert password(world) == b"canary-password-2"
    assert world.vault.living_leases() == {f"{ROLE}/2"}
    assert owed(world) == []


@pytest.mark.parametrize(
    "failure", [Forbidden("forbidden"), ConnectionFailed("away")], ids=str
)
async def test_nothing_is_issued_for_a_secret_that_cannot_be_written(
    failure: OperationFailed,
) -> None:
    world = world_in_order()
    world.kubernetes.failures["try_out"] = failure

    with pytest.raises(OperationFailed):
        await sync(world)

    assert world.vault.calls[Operation.ISSUE] == 0


async def test_nothing_is_issued_for_a_secret_of_somebody_else() -> None:
    world = world_in_order()
    theirs = ObservedSecret(DESTINATION, "uid", "1", "Opaque", b"")
    world.kubernetes.put(theirs, {"password": b"theirs"})

    with pytest.raises(OperationFailed):
        await sync(world)

    assert world.vault.calls[Operation.ISSUE] == 0
    assert password(world) == b"theirs"


async def test_hour_of_failing_writes_issues_one_credential() -> None:
    world = world_in_order()
    world.kubernetes.failures["create"] = ConnectionFailed("away")

    await run(world, seconds=HOUR / 2)

    assert world.vault.calls[Operation.ISSUE] == 1
    del world.kubernetes.failures["create"]
    await sync(world)
    assert password(world) == b"canary-password-1"
    assert world.vault.calls[Operation.ISSUE] == 1
