"""Leases across restarts, the ends of tokens, deletions and changes of leader."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from tests.unit.reconcilers.dynamics import (
    CREDENTIALS,
    ROLE,
    delete,
    is_gone,
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
from tests.unit.reconcilers.world import DESTINATION, World
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.intentions import Write
from vso_controller.kube.errors import Conflict
from vso_controller.runtime.gate import NotLeading
from vso_controller.vault.errors import ServerFailed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

HOUR = 3600.0


class Shut:
    """The gate of a process that does not lead."""

    def check(self, write: Write) -> None:
        raise NotLeading(f"{write}")


async def restart(world: World) -> None:
    """Have another process lead, which finds what the records have."""
    await world.records.flush(within=1)
    stored = dict(world.records._records)
    await world.hand_over()
    world.records._records.update(stored)


async def test_restart_issues_nothing_while_the_former_token_lives() -> None:
    world = world_in_order()
    world.vault.ttl = 10 * HOUR
    await sync(world)

    await restart(world)
    await sync(world)

    assert world.vault.calls[Operation.ISSUE] == 1
    assert password(world) == b"canary-password-1"
    assert ready(world)[0] == "True"
    assert "sessionExpiry" in status(world)


async def test_lease_of_a_lost_token_is_replaced_once_before_that_token_ends() -> None:
    world = world_in_order()
    world.vault.ttl = 10 * HOUR
    await sync(world)
    await restart(world)

    await run(world, seconds=10 * HOUR)

    assert world.vault.calls[Operation.ISSUE] == 2
    assert password(world) == b"canary-password-2"
    await run(world, seconds=24 * HOUR)
    assert world.vault.calls[Operation.ISSUE] == 2


async def test_lease_of_an_unknown_token_is_replaced_within_a_third_of_a_login() -> (
    None
):
    world = world_in_order()
    world.vault.ttl = 9 * HOUR
    await sync(world)
    await world.hand_over()

    await sync(world)
    assert world.vault.calls[Operation.ISSUE] == 1
    await run(world, seconds=3 * HOUR)

    assert world.vault.calls[Operation.ISSUE] == 2


async def test_lease_is_replaced_before_its_dying_token_takes_it_along() -> None:
    world = world_in_order()
    world.vault.ttl, world.vault.max_ttl = HOUR, 4 * HOUR
    world.vault.lease_ttl = 100 * HOUR

    for _ in range(80):
        await run(world, seconds=HOUR / 10)
        assert lease(world) in world.vault.living_leases()

    assert 2 <= world.vault.calls[Operation.ISSUE] <= 4


async def test_what_upstream_left_is_taken_over_without_an_issue() -> None:
    world = world_in_order()
    await sync(world)
    left = status(world)
    for ours in ("secretMAC", "requestMAC", "leaseExpiry", "lastSyncTime"):
        left.pop(ours, None)
    world.give_status(world.dynamic, CREDENTIALS, left)
    await world.hand_over()

    await sync(world)

    assert world.vault.calls[Operation.ISSUE] == 1
    assert status(world)["requestMAC"]
    assert status(world)["secretMAC"]


async def test_deletion_revokes_the_lease_and_lets_the_resource_go() -> None:
    world = world_in_order()
    await sync(world)

    delete(world)
    await sync(world)

    assert world.vault.living_leases() == set()
    assert is_gone(world)


async def test_defect_1_deletion_revokes_nothing_if_it_is_not_to() -> None:
    world = world_in_order()
    put(world, revoke=False)
    await sync(world)

    held = world.dynamic.get(CREDENTIALS)
    assert held is not None
    spec = json.loads(held.spec)
    world.put(
        world.dynamic,
        CREDENTIALS,
        spec,
        change=lambda each: replace(each, deleting=True),
    )
    await sync(world)

    assert world.vault.calls[Operation.REVOKE_LEASE] == 0
    assert is_gone(world)


async def test_deletion_takes_along_what_was_replaced_before() -> None:
    world = world_in_order()
    await sync(world)
    put(world, params={"ttl": "2h"})
    await sync(world)
    assert len(world.vault.living_leases()) == 2

    delete(world)
    await sync(world)

    assert world.vault.living_leases() == set()
    assert is_gone(world)


async def test_refused_revocation_is_told_and_holds_nothing_up() -> None:
    world = world_in_order()
    world.vault.may_revoke = False
    await sync(world)

    delete(world)
    await sync(world)

    assert is_gone(world)
    assert world.vault.calls[Operation.REVOKE_LEASE] == 1
    told = [each for each in world.kubernetes.told if each.kind == "Warning"]
    assert [each.reason for each in told] == ["SecretLeaseRevoke"]
    assert "permission denied" in told[0].message


async def test_deletion_waits_for_a_vault_that_is_away_but_not_for_ever() -> None:
    world = world_in_order()
    await sync(world)
    world.vault.failures[Operation.REVOKE_LEASE] = ServerFailed("500")

    delete(world)
    await sync(world)
    assert not is_gone(world)
    assert status(world)["pendingRevocations"][0]["attempts"] == 1
    for _ in range(40):
        if is_gone(world):
            break
        await run(world, seconds=10)

    assert is_gone(world)
    assert 1 < world.vault.calls[Operation.REVOKE_LEASE] <= 5


async def test_row_22_resource_whose_finalizer_was_taken_away_leaves_no_lease() -> None:
    world = world_in_order()
    await sync(world)

    world.remove(world.dynamic, CREDENTIALS)
    await sync(world)

    assert world.vault.living_leases() == set()


async def test_row_11_resource_that_was_made_anew_unseen_has_one_lease() -> None:
    world = world_in_order()
    await sync(world)

    world.remove(world.dynamic, CREDENTIALS, told=False)
    put(world)
    world.put(
        world.dynamic,
        CREDENTIALS,
        {"vaultAuthRef": "auth", "mount": "database", "path": "creds/app"}
        | {"destination": {"name": "other", "create": True}},
        change=lambda each: replace(each, uid="another", status=b"", finalizers=()),
    )
    await sync(world)

    assert world.vault.living_leases() == {f"{ROLE}/2"}


async def test_who_does_not_lead_issues_nothing() -> None:
    world = world_in_order(gate=Shut())

    with pytest.raises(NotLeading):
        await sync(world)

    assert not world.vault.leases


async def test_row_57_what_cannot_be_recorded_any_more_is_revoked() -> None:
    world = world_in_order()
    await sync(world)
    world.kubernetes.failures["write"] = NotLeading("lost the lease")
    put(world, params={"ttl": "2h"})

    with pytest.raises(NotLeading):
        await sync(world)

    assert world.vault.living_leases() == {f"{ROLE}/1"}


async def test_row_12_conflicts_of_the_status_issue_nothing_more() -> None:
    world = world_in_order()
    world.kubernetes.failures["write"] = Conflict("conflict")
    for _ in range(3):
        with pytest.raises(OperationFailed):
            await sync(world)
    del world.kubernetes.failures["write"]

    await sync(world)

    assert world.vault.calls[Operation.ISSUE] <= 1
    assert owed(world) == []
    assert world.vault.living_leases() == {lease(world)}


async def test_end_of_a_leadership_leaves_no_lease_unrecorded() -> None:
    world = world_in_order()
    await sync(world)
    world.kubernetes.failures["write"] = Conflict("conflict")
    put(world, params={"ttl": "2h"})
    with pytest.raises(OperationFailed):
        await sync(world)
    assert len(world.vault.living_leases()) == 2

    await world.hand_over()

    assert world.vault.living_leases() == {f"{ROLE}/1"}


async def test_crash_between_status_and_secret_leaves_one_lease() -> None:
    world = world_in_order()
    world.kubernetes.failures["create"] = Conflict("conflict")
    with pytest.raises(OperationFailed):
        await sync(world)
    del world.kubernetes.failures["create"]
    assert lease(world) == f"{ROLE}/1"

    await world.hand_over()
    await sync(world)

    assert password(world) == b"canary-password-2"
    assert world.vault.living_leases() == {f"{ROLE}/2"}


async def test_lease_is_renewed_though_the_spec_is_of_no_use() -> None:
    world = world_in_order()
    await sync(world)
    put(world, destination={"name": DESTINATION.name, "create": True, "retain": True})

    await run(world, seconds=3 * HOUR)

    assert ready(world)[:2] == ("False", "UnsupportedFeature")
    assert lease(world) in world.vault.living_leases()
    assert world.vault.calls[Operation.ISSUE] == 1


async def test_failure_of_vault_ends_readiness_when_the_credentials_end() -> None:
    world = world_in_order()
    await sync(world)
    failure = ServerFailed("500")
    world.vault.failures[Operation.RENEW_LEASE] = failure
    world.vault.failures[Operation.ISSUE] = failure

    await run(world, seconds=0.98 * HOUR)
    assert ready(world)[0] == "True"
    await run(world, seconds=0.1 * HOUR)
    assert ready(world)[:2] == ("False", "VaultError")
    world.vault.failures.clear()
    await asyncio.sleep(60)
    await run(world, seconds=60)
    assert ready(world)[0] == "True"
