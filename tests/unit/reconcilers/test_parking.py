"""Resources that wait for their turn to ask Vault, and what is told of them."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from prometheus_client import generate_latest

from tests.unit.reconcilers.syncing import fail, ready, sync
from tests.unit.reconcilers.world import (
    CONNECTION,
    CONNECTION_SPEC,
    DESTINATION,
    PROBE_REST,
    RESOURCE,
    World,
    certificate,
)
from vso_controller.credentials.bulkhead import Bulkhead
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.errors import LOST_WAKE, Parked
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import ServerSealed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

SEALED = ServerSealed("Vault is sealed")
CA_SECRET = ObservedSecret(ObjectKey("apps", "vault-ca"), "uid", "1", OPAQUE, b"")


def bulkhead_of(world: World) -> Bulkhead:
    return world.clients_of.bulkhead(CONNECTION)


def crowd(world: World) -> ExitStack:
    """Take every turn until the stack is closed."""
    stack, bulkhead = ExitStack(), bulkhead_of(world)
    for number in range(bulkhead.limit):
        key = ObjectKey("crowd", f"r{number}")
        stack.enter_context(bulkhead.turn(key, Priority.READ))
    return stack


async def park(world: World) -> Parked:
    error = await fail(world)
    assert isinstance(error, Parked)
    return error


async def test_resource_that_waits_for_its_turn_tells_nothing_and_asks_nothing() -> (
    None
):
    world = World().in_order()
    await world.connection.reconcile(CONNECTION, 0)
    writes, asked = world.kubernetes.writes, world.vault.calls.total()

    with crowd(world):
        parked = await park(world)
        assert world.kubernetes.writes == writes
        assert world.vault.calls.total() == asked
        world.woken.clear()

    assert parked.failure is None
    assert RESOURCE in world.woken
    await sync(world)
    assert ready(world)[0] == "True"


async def test_turn_that_does_not_come_for_minutes_is_told() -> None:
    world = World().in_order()
    await world.connection.reconcile(CONNECTION, 0)

    with crowd(world):
        await park(world)
        await asyncio.sleep(LOST_WAKE)
        await park(world)

    assert ready(world)[:2] == ("False", "VaultThrottled")


async def test_outage_is_told_at_once_and_again_when_readiness_ends() -> None:
    world = World().in_order()
    await sync(world)
    bulkhead_of(world).shut(SEALED)

    await asyncio.sleep(30)
    parked = await park(world)
    assert world.condition(world.resources, RESOURCE, "Healthy")[0] == "False"
    assert ready(world)[0] == "True", "what is there is fresh enough"
    assert parked.look_again == 300

    await asyncio.sleep(parked.look_again)
    await park(world)
    assert ready(world) == ("False", "VaultSealed", "Vault is sealed")
    assert world.kubernetes.values[DESTINATION]["password"] == b"s3cret"
    writes = world.kubernetes.writes

    await asyncio.sleep(300)
    await park(world)
    assert world.kubernetes.writes == writes


async def test_freshness_that_ends_before_the_safety_net_is_looked_at_in_time() -> None:
    world = World().in_order()
    await sync(world)
    bulkhead_of(world).shut(SEALED)
    await park(world)

    await asyncio.sleep(100)

    assert (await park(world)).look_again == 200


async def test_resource_without_a_ca_is_parked_until_there_is_one() -> None:
    world = World().in_order()
    spec = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec)
    await park(world)
    assert ready(world)[:2] == ("False", "CACertificateUnavailable")
    world.woken.clear()

    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("good")})
    await world.connection.reconcile(CONNECTION, 0)

    assert RESOURCE in world.woken
    await sync(world)
    assert ready(world)[0] == "True"


async def test_renewal_that_finds_no_turn_is_parked_and_woken_before_reads() -> None:
    world = World().in_order()
    world.vault.ttl = 60
    await sync(world)
    (session,) = world.pool.keys()
    bulkhead_of(world).shut(SEALED)
    await asyncio.sleep(50)
    await park(world)

    with pytest.raises(Parked):
        await world.pool.reconcile(session, 0)
    world.woken.clear()
    await world.connection.reconcile(CONNECTION, 0)

    assert world.woken == [session, RESOURCE]
    await world.pool.reconcile(session, 0)
    assert world.vault.calls[Operation.RENEW_TOKEN] == 1


async def test_deleted_resource_and_its_session_leave_the_line() -> None:
    world = World().in_order()
    world.vault.ttl = 60
    await sync(world)
    (session,) = world.pool.keys()
    bulkhead_of(world).shut(SEALED)
    await park(world)
    with pytest.raises(Parked):
        await world.pool.reconcile(session, 0)
    assert bulkhead_of(world).waiting == 2

    world.remove(world.resources, RESOURCE)
    await sync(world)

    assert bulkhead_of(world).waiting == 0


async def test_login_is_not_held_back_by_what_the_breaker_remembered() -> None:
    world = World().in_order()
    world.vault.failures[Operation.LOGIN] = SEALED
    world.vault.sealed = True
    await fail(world)
    await world.connection.reconcile(CONNECTION, 0)
    await park(world)

    world.vault.failures.clear()
    world.vault.sealed = False
    await asyncio.sleep(PROBE_REST)
    await world.connection.reconcile(CONNECTION, 0)
    await sync(world)

    assert ready(world)[0] == "True"


async def test_bulkhead_is_told_in_metrics() -> None:
    world = World().in_order()
    await world.connection.reconcile(CONNECTION, 0)
    with crowd(world):
        await park(world)
        before = generate_latest(world.metrics.registry).decode()
    bulkhead_of(world).shut(SEALED)
    await asyncio.sleep(7)
    after = generate_latest(world.metrics.registry).decode()

    of_vault = '{vault_connection="apps/vault"}'
    assert f"vso_vault_breaker_open{of_vault} 0.0" in before
    assert f"vso_vault_concurrency_limit{of_vault} 2.0" in before
    assert f"vso_vault_concurrency{of_vault} 2.0" in before
    assert f"vso_vault_parked_keys{of_vault} 1.0" in before
    assert f"vso_vault_breaker_open{of_vault} 1.0" in after
    assert f"vso_vault_seconds_since_probe{of_vault} 7.0" in after
