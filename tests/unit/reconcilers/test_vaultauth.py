from __future__ import annotations

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
    World,
)
from vso_controller.foundation.listwatch import EventType, WatchEvent
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Outcome

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
