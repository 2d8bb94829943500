from __future__ import annotations

import asyncio

import pytest
from prometheus_client import generate_latest

from tests.unit.reconcilers.world import (
    CONNECTION,
    CONNECTION_SPEC,
    RESOURCE,
    World,
    certificate,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.objects import Envelope, ObjectKey, ObservedSecret
from vso_controller.vault.errors import InvalidConnection

pytestmark = pytest.mark.looptime

CA_SECRET = ObservedSecret(ObjectKey("apps", "vault-ca"), "uid", "1", OPAQUE, b"")


def envelope_of(world: World) -> Envelope:
    envelope = world.connections.get(CONNECTION)
    assert envelope is not None
    return envelope


def with_ca(world: World) -> World:
    spec = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec)
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("first")})
    return world


async def test_two_who_need_the_same_client_get_one() -> None:
    world = World().in_order()
    envelope = envelope_of(world)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(world.clients_of.open(envelope))
        second = group.create_task(world.clients_of.open(envelope))

    assert first.result() is second.result()
    assert len(world.clients) == 1


async def test_all_clients_are_closed_in_the_end() -> None:
    world = World().in_order()
    await world.pool.open(RESOURCE, "auth")

    await world.clients_of.close()

    assert world.vault.closed == 1


async def test_client_of_a_connection_that_goes_while_it_is_made_is_let_go() -> None:
    world = World().in_order()
    spec = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec)
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("first")})
    world.kubernetes.delays["read_data"] = 5
    envelope = envelope_of(world)

    async with asyncio.TaskGroup() as group:
        group.create_task(world.clients_of.open(envelope))
        await asyncio.sleep(1)
        group.create_task(world.clients_of.forget(CONNECTION))

    assert len(world.clients) == 1
    assert world.vault.closed == 1


async def test_ca_that_was_found_to_be_the_same_is_trusted_again() -> None:
    world = with_ca(World().in_order())
    connection = await world.clients_of.open(envelope_of(world))
    connection.is_trusted = False
    await world.clients_of.open(envelope_of(world))
    world.kubernetes.remove(CA_SECRET.key)

    again = await world.clients_of.open(envelope_of(world))

    assert again is connection


async def test_another_ca_is_trusted_when_it_is_new() -> None:
    world = with_ca(World().in_order())
    before = await world.clients_of.open(envelope_of(world))
    before.is_trusted = False
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("second")})
    after = await world.clients_of.open(envelope_of(world))
    world.kubernetes.remove(CA_SECRET.key)

    again = await world.clients_of.open(envelope_of(world))

    assert again is after
    assert after is not before


async def test_address_that_no_client_takes_is_the_connections_fault() -> None:
    world = with_ca(World().in_order())
    world.client_failure = InvalidConnection("the address has no host")

    with pytest.raises(Refusal, match="apps/vault: the address has no host") as refused:
        await world.clients_of.open(envelope_of(world))

    assert refused.value.failure.reason is Reason.VAULT_CONNECTION_INVALID


async def test_forgotten_connection_leaves_no_series() -> None:
    world = World().in_order()
    await world.clients_of.open(envelope_of(world))
    world.metrics.vault(CONNECTION).observe("read", "Succeeded", 1)

    await world.clients_of.forget(CONNECTION)
    await world.clients_of.forget(CONNECTION)

    assert b"apps/vault" not in generate_latest(world.metrics.registry)
    assert world.vault.closed == 1
