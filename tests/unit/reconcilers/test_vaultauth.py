from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    CONNECTION_SPEC,
    OPERATOR,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import PermissionDenied, ServerUnreachable
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


async def check(world: World) -> None:
    assert await world.auth.reconcile(AUTH, 0) == Outcome()


def ready(world: World) -> tuple[str, str, str]:
    return world.condition(world.auths, AUTH, "Ready")


async def test_auth_in_order_is_valid_without_a_login() -> None:
    world = World().in_order()

    await check(world)

    status = world.status(world.auths, AUTH)
    assert status["valid"] is True
    assert "error" not in status
    assert world.conditions(world.auths, AUTH) == {
        "Healthy": "True",
        "Ready": "True",
        "LoginSucceeded": "Unknown",
    }
    assert world.vault.logins == 0
    assert [told.reason for told in world.kubernetes.told] == ["Accepted"]


async def test_second_look_writes_nothing() -> None:
    world = World().in_order()
    await check(world)
    writes = world.kubernetes.writes

    await check(world)

    assert world.kubernetes.writes == writes
    assert len(world.kubernetes.told) == 1, "what was accepted stays accepted"


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        pytest.param(
            {"kubernetes": {}},
            "InvalidSpec",
            "spec.kubernetes.role, spec.kubernetes.serviceAccount",
            id="all missing fields are named",
        ),
        pytest.param({"mount": ""}, "InvalidSpec", "spec.mount", id="mount"),
        pytest.param({"kubernetes": None}, "InvalidSpec", "spec.kubernetes", id="none"),
        pytest.param({"method": "ldap"}, "InvalidSpec", "spec.method", id="method"),
        pytest.param({"method": "aws"}, "UnsupportedFeature", "spec.method", id="aws"),
        pytest.param(
            {"vaultConnectionRef": "infra/vault"},
            "VaultConnectionNotAllowed",
            "VaultConnection infra/vault is not for namespace apps",
            id="connection of another namespace",
        ),
        pytest.param(
            {"kubernetes": {"role": "app", "serviceAccount": "../infra/sa"}},
            "InvalidSpec",
            "spec.kubernetes.serviceAccount: '../infra/sa'",
            id="path in a name",
        ),
        pytest.param(
            {"vaultConnectionRef": "a/b/c"}, "InvalidReference", "a/b/c", id="reference"
        ),
    ],
)
async def test_auth_that_cannot_be_used_says_why(
    changes: dict[str, object], reason: str, message: str
) -> None:
    world = World().in_order()
    world.put(world.auths, AUTH, AUTH_SPEC | changes)

    await check(world)

    assert ready(world)[:2] == ("False", reason)
    assert message in ready(world)[2]
    assert world.status(world.auths, AUTH)["valid"] is False
    assert message in world.status(world.auths, AUTH)["error"]


async def test_missing_connection_wakes_the_auth_when_it_appears() -> None:
    world = World().in_order()
    world.remove(world.connections, CONNECTION)
    await check(world)
    assert ready(world)[:2] == ("False", "VaultConnectionNotFound")
    world.woken.clear()

    world.put(world.connections, CONNECTION, CONNECTION_SPEC)

    assert set(world.woken) == {CONNECTION, AUTH, RESOURCE}
    await check(world)
    assert ready(world)[0] == "True"
    assert "error" not in world.status(world.auths, AUTH)


async def test_connection_is_found_in_the_operators_namespace() -> None:
    world = World().in_order()
    world.remove(world.connections, CONNECTION)
    world.woken.clear()

    world.put(world.connections, ObjectKey(OPERATOR, "vault"), CONNECTION_SPEC)

    assert AUTH in world.woken
    await check(world)
    assert ready(world)[0] == "True"


async def test_deleted_auth_is_forgotten() -> None:
    world = World().in_order()
    await check(world)
    assert b'controller="vaultauth"' in generate_latest(world.metrics.registry)
    world.remove(world.auths, AUTH)

    await check(world)

    assert b'controller="vaultauth"' not in generate_latest(world.metrics.registry)


async def test_auth_on_its_way_out_is_not_reported_on() -> None:
    world = World().in_order()
    held = world.auths.get(AUTH)
    assert held is not None
    version = world.kubernetes.next_version()
    leaving = replace(held, deleting=True, resource_version=version)
    world.auths.apply(WatchEvent(EventType.MODIFIED, version, leaving))

    await check(world)

    assert world.status(world.auths, AUTH) == {}


LOGIN = "LoginSucceeded"
ELSEWHERE = ObjectKey("team", "database")


def logged_in(world: World) -> tuple[str, str, str]:
    return world.condition(world.auths, AUTH, LOGIN)


def for_teams() -> World:
    """Return a world whose VaultAuth two namespaces use."""
    world = World().in_order()
    world.put(world.auths, AUTH, AUTH_SPEC | {"allowedNamespaces": ["team"]})
    elsewhere = RESOURCE_SPEC | {"vaultAuthRef": "apps/auth"}
    world.put(world.resources, ELSEWHERE, elsewhere)
    return world


async def read(world: World, consumer: ObjectKey = RESOURCE) -> None:
    """Have a consumer synced, whatever comes of it, and the auth looked at if woken."""
    world.woken.clear()
    with suppress(OperationFailed):
        await world.static_secret.reconcile(consumer, world.clock.monotonic())
    if AUTH in world.woken:
        await check(world)


async def test_nobody_has_logged_in_before_the_first_consumer() -> None:
    world = World().in_order()

    await check(world)

    assert logged_in(world) == ("Unknown", "NoLoginYet", "nobody has logged in yet")


async def test_first_login_of_a_consumer_is_told_and_the_next_are_no_news() -> None:
    world = World().in_order()
    await check(world)

    await read(world)
    assert logged_in(world) == ("True", "LoginSucceeded", "Vault let them in")

    writes = world.kubernetes.writes
    for _ in range(3):
        world.vault.revoke_all()
        await read(world)
    assert world.vault.logins == 4
    assert world.kubernetes.writes == writes


@pytest.mark.parametrize(
    ("failure", "missing", "reason", "message"),
    [
        pytest.param(
            PermissionDenied("role app: no such role"),
            False,
            "VaultLoginFailed",
            "no such role",
            id="refused by Vault",
        ),
        pytest.param(
            None, True, "ServiceAccountNotFound", "apps/app-sa", id="no account"
        ),
    ],
)
async def test_login_that_is_refused_is_told_until_one_succeeds(
    failure: OperationFailed | None, missing: bool, reason: str, message: str
) -> None:
    world = World().in_order()
    if failure is not None:
        world.vault.failures[Operation.LOGIN] = failure
    accounts = set(world.tokens.accounts)
    if missing:
        world.tokens.accounts.clear()

    await read(world)
    told = logged_in(world)
    assert told[:2] == ("False", reason)
    assert told[2].startswith("namespace apps: ")
    assert message in told[2]
    assert ready(world)[0] == "True", "the configuration is as good as it was"

    world.vault.failures.clear()
    world.tokens.accounts |= accounts
    await asyncio.sleep(300)
    await read(world)
    assert logged_in(world)[0] == "True"


async def test_vault_that_does_not_answer_says_nothing_of_logins() -> None:
    world = World().in_order()
    await read(world)
    world.vault.revoke_all()
    world.vault.failures[Operation.LOGIN] = ServerUnreachable("connection refused")

    await read(world)
    await check(world)

    assert logged_in(world)[0] == "True"


async def test_denied_read_is_no_failed_login() -> None:
    world = World().in_order()
    world.vault.failures[Operation.READ] = PermissionDenied("no policy")

    await read(world)

    assert logged_in(world)[0] == "True"


async def test_one_namespace_that_cannot_log_in_is_named_while_it_tries() -> None:
    world = for_teams()
    await read(world)
    assert logged_in(world)[0] == "True"

    await read(world, ELSEWHERE)
    told = logged_in(world)
    assert told[:2] == ("False", "ServiceAccountNotFound")
    assert told[2].startswith("namespace team: ")
    await read(world)
    assert logged_in(world) == told, "what others achieve does not help it"

    world.remove(world.resources, ELSEWHERE)
    await read(world, ELSEWHERE)
    assert logged_in(world)[0] == "True"


async def test_edited_auth_has_to_prove_itself_anew() -> None:
    world = World().in_order()
    await read(world)

    world.put(world.auths, AUTH, AUTH_SPEC | {"namespace": "other"})
    await check(world)
    assert logged_in(world)[0] == "Unknown"

    await read(world)
    assert logged_in(world)[0] == "True"


async def test_next_leader_tells_what_the_last_one_found_out() -> None:
    world = World().in_order()
    await check(world)
    await read(world)
    await world.hand_over()
    writes = world.kubernetes.writes

    await check(world)

    assert logged_in(world)[0] == "True"
    assert world.kubernetes.writes == writes


async def test_end_of_the_last_session_is_no_news() -> None:
    world = World().in_order()
    await read(world)
    world.remove(world.resources, RESOURCE)

    await read(world)

    assert AUTH not in world.woken
    assert logged_in(world)[0] == "True"
