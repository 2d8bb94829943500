"""Leases and the tokens they hang on, whatever becomes of sessions and clients."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.credentials.leases import (
    SECRET_PATH,
    issue,
    keep_alive,
    lease_of,
    token_of,
)
from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    RESOURCE,
    FakeVault,
    World,
    certificate,
)
from vso_controller.domain.destination import OPAQUE
from vso_controller.domain.reasons import Refusal
from vso_controller.foundation.errors import Parked
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.vault.errors import AnswerLost, LeaseNotFound, ServerUnreachable
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

OTHER = ObjectKey("apps", "other")
CA_SECRET = ObservedSecret(ObjectKey("apps", "vault-ca"), "uid", "1", OPAQUE, b"")
HOUR = 3600.0


def edit_auth(world: World) -> None:
    envelope = world.auths.get(AUTH)
    assert envelope is not None
    world.put(world.auths, AUTH, AUTH_SPEC | {"mount": f"k8s-{envelope.generation}"})


def edit_connection(world: World) -> None:
    world.put(world.connections, CONNECTION, {"address": "https://other"})


async def test_issued_lease_is_held_by_its_consumer() -> None:
    world = World().in_order()

    issued = await issue(world, RESOURCE)

    assert world.pool.holds(RESOURCE) == (issued.hold,)
    assert token_of(world, issued) == "canary-token-1"
    await issued.hold.release()
    await issued.hold.release()
    assert world.pool.holds(RESOURCE) == ()


async def test_what_is_issued_is_shared_with_nobody() -> None:
    world = World(read_sharing_window=60).in_order()

    first, second = await issue(world, RESOURCE), await issue(world, OTHER)

    assert lease_of(first) != lease_of(second)
    assert world.vault.calls[Operation.ISSUE] == 2
    assert world.vault.logins == 1


async def test_issue_without_an_answer_leaves_nothing_behind() -> None:
    world = World().in_order()
    world.vault.failures[Operation.ISSUE] = AnswerLost("lost")

    with pytest.raises(AnswerLost):
        await issue(world, RESOURCE)

    assert world.vault.calls[Operation.ISSUE] == 1
    world.pool.release(RESOURCE)
    assert len(world.pool) == 0


@pytest.mark.parametrize("edited", ["auth", "connection"])
async def test_edit_leads_to_another_session_and_ends_no_lease(edited: str) -> None:
    world = World().in_order()
    before = await issue(world, RESOURCE)
    if edited == "auth":
        edit_auth(world)
    else:
        edit_connection(world)
    after = await issue(world, RESOURCE)

    await keep_alive(world, seconds=10 * HOUR)

    assert token_of(world, before) != token_of(world, after)
    for each in (before, after):
        await each.hold.renew_lease(lease_of(each), increment=60)
    assert world.vault.logins == 2, "the former one is only renewed"


async def test_client_that_was_replaced_is_closed_with_the_last_lease() -> None:
    world = World().in_order()
    first, second = await issue(world, RESOURCE), await issue(world, OTHER)
    edit_connection(world)
    for consumer in (RESOURCE, OTHER):
        await world.pool.open(consumer, "auth")

    await first.hold.release()
    assert (world.vault.closed, len(world.pool)) == (0, 2)
    await second.hold.release()

    assert (world.vault.closed, len(world.pool)) == (1, 1)


async def test_no_old_token_is_sent_to_the_new_address() -> None:
    world = World().in_order()
    other = world.elsewhere["https://other"] = FakeVault(
        stored=world.vault.stored, name="of-other-"
    )
    issued = await issue(world, RESOURCE)
    edit_connection(world)
    await (await world.pool.open(RESOURCE, "auth")).read(SECRET_PATH)

    await keep_alive(world, seconds=10 * HOUR)
    await issued.hold.renew_lease(lease_of(issued), increment=60)
    await world.pool.say_farewell(within=2, revoke=False)

    assert other.tokens.keys() == {"canary-token-of-other-1"}
    seen = {each.token.reveal() for each in other.requests if each.token is not None}
    assert seen == other.tokens.keys()
    assert world.vault.logins == 1


async def test_new_vault_that_is_away_keeps_no_old_token_from_its_renewal() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    edit_connection(world)
    await world.pool.open(RESOURCE, "auth")
    world.clients_of.bulkhead(CONNECTION).shut(ServerUnreachable("away"))

    await keep_alive(world, seconds=3 * HOUR)

    await issued.hold.renew_lease(lease_of(issued), increment=60)


async def test_old_vault_that_was_away_is_asked_again_without_a_probe() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    edit_connection(world)
    await world.pool.open(RESOURCE, "auth")
    world.vault.failures[Operation.RENEW_LEASE] = ServerUnreachable("away")
    for _ in range(20):
        with pytest.raises(ServerUnreachable):
            await issued.hold.renew_lease(lease_of(issued), increment=60)

    world.vault.failures.clear()

    await issued.hold.renew_lease(lease_of(issued), increment=60)


async def test_vault_that_is_not_asked_is_not_asked_for_leases_either() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    world.clients_of.bulkhead(CONNECTION).shut(ServerUnreachable("away"))

    with pytest.raises(Parked):
        await issued.hold.renew_lease(lease_of(issued), increment=60)

    assert world.vault.calls[Operation.RENEW_LEASE] == 0


async def test_holder_is_woken_once_when_the_end_becomes_known() -> None:
    world = World().in_order()
    world.vault.max_ttl = 5000
    issued = await issue(world, RESOURCE)
    other = await issue(world, OTHER)
    await other.hold.release()
    world.woken.clear()

    await keep_alive(world, seconds=4500)

    assert world.woken.count(RESOURCE) == 1
    assert OTHER not in world.woken
    assert issued.hold.is_final
    assert issued.hold.ends == pytest.approx(5000)


async def test_holders_are_woken_when_their_token_proves_to_be_dead() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    reader = await world.pool.open(OTHER, "auth")
    await world.pool.reconcile(reader.key, 0)
    world.vault.revoke_all()
    world.woken.clear()

    await reader.read(SECRET_PATH)
    await world.pool.reconcile(reader.key, 0)

    assert RESOURCE in world.woken
    assert issued.hold.ends <= world.clock.boot()
    with pytest.raises(LeaseNotFound):
        await issued.hold.renew_lease(lease_of(issued), increment=60)


async def test_lease_that_is_found_gone_wakes_who_else_has_one_of_that_token() -> None:
    world = World().in_order()
    mine, _ = await issue(world, RESOURCE), await issue(world, OTHER)
    world.vault.revoke_all()
    world.woken.clear()

    with pytest.raises(LeaseNotFound):
        await mine.hold.renew_lease(lease_of(mine), increment=60)

    assert {RESOURCE, OTHER} <= set(world.woken)


async def test_consumer_that_may_not_log_in_any_more_keeps_its_lease() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    world.remove(world.auths, AUTH)
    with pytest.raises(Refusal):
        await world.pool.open(RESOURCE, "auth")

    await keep_alive(world, seconds=3 * HOUR)

    await issued.hold.renew_lease(lease_of(issued), increment=60)
    await issued.hold.release()
    assert len(world.pool) == 0


async def test_former_session_neither_logs_in_nor_follows_its_credentials() -> None:
    world = World().in_order()
    secret = ObjectKey("apps", "app-id")
    world.kubernetes.put(
        ObservedSecret(secret, "uid-of-app-id", "1", OPAQUE, b""), {"id": b"canary"}
    )
    app_role = {
        "method": "appRole",
        "mount": "approle",
        "vaultConnectionRef": "vault",
        "appRole": {"roleId": "r", "secretRef": secret.name},
    }
    world.put(world.auths, AUTH, app_role)
    world.vault.max_ttl = 5000
    await issue(world, RESOURCE)
    edit_auth(world)
    await world.pool.open(RESOURCE, "auth")

    world.kubernetes.edit(secret, id=b"canary-2")
    await keep_alive(world, seconds=2 * HOUR)

    assert world.vault.logins == 1
    assert world.kubernetes.opened == 1


async def test_ca_that_comes_back_ends_no_lease() -> None:
    world = World().in_order()
    spec = CONNECTION_SPEC | {"caCertSecretRef": "vault-ca"}
    world.put(world.connections, CONNECTION, spec)
    world.kubernetes.put(CA_SECRET, {"ca.crt": certificate("first")})
    issued = []
    for name in ("first", "second", "first", "second", "first"):
        world.kubernetes.put(CA_SECRET, {"ca.crt": certificate(name)})
        envelope = world.connections.get(CONNECTION)
        assert envelope is not None
        (await world.clients_of.open(envelope)).is_trusted = False
        await world.clients_of.open(envelope)
        issued.append(await issue(world, RESOURCE))

    await keep_alive(world, seconds=5 * HOUR)

    for each in issued:
        await each.hold.renew_lease(lease_of(each), increment=60)
        await each.hold.release()
    assert len(world.pool) == 1
    assert world.vault.closed == 4


async def test_cleared_pool_holds_nothing_and_keeps_no_client() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    edit_connection(world)
    await world.pool.open(RESOURCE, "auth")

    await world.hand_over()

    assert (len(world.pool), world.pool.holds(RESOURCE)) == (0, ())
    assert world.vault.closed == 2
    await issued.hold.release()


async def test_session_is_kept_for_what_is_being_issued() -> None:
    world = World().in_order()
    world.vault.delays = {Operation.LOGIN: 5, Operation.ISSUE: 5}

    async with asyncio.TaskGroup() as group:
        issuing = group.create_task(issue(world, RESOURCE))
        await asyncio.sleep(1)
        world.pool.release(RESOURCE)
        await asyncio.sleep(1)
        assert len(world.pool) == 1

    await keep_alive(world, seconds=3 * HOUR)
    hold = issuing.result().hold
    await hold.renew_lease(lease_of(issuing.result()), increment=60)
    await hold.release()
    assert len(world.pool) == 0


async def test_hundred_edits_leave_one_session() -> None:
    world = World().in_order()
    for _ in range(100):
        issued = await issue(world, RESOURCE)
        edit_auth(world)
        await world.pool.open(RESOURCE, "auth")
        await issued.hold.release()

    assert len(world.pool) == 1
