from __future__ import annotations

import asyncio

import pytest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    RESOURCE,
    World,
    certificate,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.domain.reasons import Refusal
from vso_controller.foundation.errors import Parked
from vso_controller.foundation.objects import Envelope, ObjectKey, ObservedSecret
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import TlsVerificationFailed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

SECRET_PATH = ("secret", "data", "prod", "db")
OTHER = ObjectKey("apps", "other")
CA_SECRET = ObservedSecret(ObjectKey("apps", "vault-ca"), "uid", "1", OPAQUE, b"")


def envelope_of(world: World) -> Envelope:
    envelope = world.connections.get(CONNECTION)
    assert envelope is not None
    return envelope


async def replace_ca(world: World, name: str) -> None:
    """Have Vault and the CA Secret change to another CA, as the next call finds."""
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate(name)})
    (await world.clients_of.open(envelope_of(world))).is_trusted = False
    await world.clients_of.open(envelope_of(world))


async def test_consumers_of_one_identity_share_one_login() -> None:
    world = World().in_order()

    for name in range(20):
        session = await world.pool.open(ObjectKey("apps", f"r{name}"), "auth")
        await session.read(SECRET_PATH)

    assert world.vault.logins == 1
    assert len(world.pool) == 1


async def test_headers_and_parameters_of_the_auth_are_sent() -> None:
    world = World().in_order()
    extras = {"headers": {"X-Team": "a"}, "params": {"region": "eu"}}
    world.put(world.auths, AUTH, AUTH_SPEC | extras)
    session = await world.pool.open(RESOURCE, "auth")

    await session.read(SECRET_PATH, query={"version": "2"})

    login, read = world.vault.requests
    assert (login.headers, login.query) == ({"X-Team": "a"}, {"region": "eu"})
    assert (read.headers, read.query) == ({"X-Team": "a"}, {"version": "2"})


async def test_namespaces_are_different_identities() -> None:
    world = World().in_order()
    world.put(
        world.auths,
        AUTH,
        AUTH_SPEC | {"allowedNamespaces": ["*"], "vaultConnectionRef": "apps/vault"},
    )
    world.tokens.accounts.add(ObjectKey("other", "app-sa"))

    mine = await world.pool.open(RESOURCE, "auth")
    theirs = await world.pool.open(ObjectKey("other", "database"), "apps/auth")
    await mine.read(SECRET_PATH)
    await theirs.read(SECRET_PATH)

    assert world.vault.logins == 2


@pytest.mark.parametrize("changed", ["auth", "connection"])
async def test_changed_reference_means_another_session(changed: str) -> None:
    world = World().in_order()
    before = await world.pool.open(RESOURCE, "auth")
    if changed == "auth":
        world.put(world.auths, AUTH, AUTH_SPEC | {"mount": "other"})
    else:
        world.put(world.connections, CONNECTION, {"address": "https://other"})

    after = await world.pool.open(RESOURCE, "auth")

    assert after.key != before.key
    assert len(world.pool) == 1, "nobody uses the first one any more"


async def test_session_ends_with_its_last_consumer() -> None:
    world = World().in_order()
    await world.pool.open(RESOURCE, "auth")
    await world.pool.open(OTHER, "auth")

    world.pool.release(RESOURCE)
    assert len(world.pool) == 1
    world.pool.release(OTHER)
    world.pool.release(OTHER)

    assert len(world.pool) == 0


async def test_token_is_renewed_while_its_session_is_used() -> None:
    world = World().in_order()
    world.vault.ttl = 60
    session = await world.pool.open(RESOURCE, "auth")
    world.woken.clear()

    await session.read(SECRET_PATH)
    assert session.key in world.woken, "a new token has its renewal planned"
    for _ in range(5):
        outcome = await world.pool.reconcile(session.key, 0)
        assert outcome.requeue_after is not None
        await asyncio.sleep(outcome.requeue_after)
    await session.read(SECRET_PATH)

    assert world.vault.logins == 1
    assert world.vault.calls[Operation.RENEW_TOKEN] >= 4


async def test_read_with_a_known_token_plans_nothing() -> None:
    world = World().in_order()
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(SECRET_PATH)
    await world.pool.reconcile(session.key, 0)
    world.woken.clear()

    await session.read(SECRET_PATH)

    assert world.woken == []


async def test_session_that_is_gone_or_has_no_token_plans_nothing() -> None:
    world = World().in_order()
    session = await world.pool.open(RESOURCE, "auth")

    assert world.pool.keys() == (session.key,)
    assert await world.pool.reconcile(session.key, 0) == Outcome()
    world.pool.release(RESOURCE)
    assert await world.pool.reconcile(session.key, 0) == Outcome()


async def test_edit_of_the_connection_fails_no_read_under_way() -> None:
    world = World().in_order()
    world.vault.delays[Operation.READ] = 10
    session = await world.pool.open(RESOURCE, "auth")
    await world.pool.open(OTHER, "auth")

    async with asyncio.TaskGroup() as group:
        read = group.create_task(session.read(SECRET_PATH))
        await asyncio.sleep(5)
        world.put(world.connections, CONNECTION, {"address": "https://other"})
        await world.pool.open(OTHER, "auth")
        assert world.vault.closed == 0, "the read goes on"

    assert read.result().status == 200
    assert world.vault.closed == 1


async def test_old_session_is_not_renewed_over_a_closed_client() -> None:
    world = World().in_order()
    world.vault.ttl = 60
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(SECRET_PATH)
    world.put(world.connections, CONNECTION, {"address": "https://other"})
    await world.clients_of.open(envelope_of(world))

    await asyncio.sleep(50)

    assert await world.pool.reconcile(session.key, 0) == Outcome()
    assert world.vault.calls[Operation.RENEW_TOKEN] == 0


async def test_ca_that_comes_back_does_not_bring_back_a_closed_client() -> None:
    world = World().in_order()
    spec = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec)
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("first")})
    slow = await world.pool.open(RESOURCE, "auth")
    await replace_ca(world, "second")
    await replace_ca(world, "first")

    again = await world.pool.open(OTHER, "auth")
    await again.read(SECRET_PATH)
    world.vault.ttl = 60
    outcome = await world.pool.reconcile(again.key, 0)

    assert again.key == slow.key
    assert outcome.requeue_after is not None, "a retired client would not be renewed"
    world.pool.release(OTHER)
    assert len(world.pool) == 1, "the other consumer is still one"


async def test_token_is_not_kept_alive_for_who_may_not_log_in_any_more() -> None:
    world = World().in_order()
    await world.pool.open(RESOURCE, "auth")
    world.remove(world.auths, AUTH)

    with pytest.raises(Refusal):
        await world.pool.open(RESOURCE, "auth")

    assert len(world.pool) == 0


async def test_connection_that_cannot_be_made_now_costs_no_login_later() -> None:
    world = World().in_order()
    spec = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec)
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("first")})
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(SECRET_PATH)
    world.vault.failures[Operation.READ] = TlsVerificationFailed("unknown CA")
    with pytest.raises(TlsVerificationFailed):
        await session.read(SECRET_PATH)
    world.vault.failures.clear()
    world.kubernetes.remove(CA_SECRET.key)
    with pytest.raises(Parked, match="does not exist"):
        await world.pool.open(RESOURCE, "auth")

    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("first")})
    await world.connection.reconcile(CONNECTION, 0)
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(SECRET_PATH)

    assert world.vault.logins == 1


async def test_cleared_pool_knows_nobody() -> None:
    world = World().in_order()
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(SECRET_PATH)

    await world.pool.clear()
    world.pool.release(RESOURCE)

    assert len(world.pool) == 0
    await (await world.pool.open(RESOURCE, "auth")).read(SECRET_PATH)
    assert world.vault.logins == 2
