"""Stories of VaultAuthGlobals, the VaultAuths that inherit, and their consumers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.unit.reconcilers.syncing import ready, sync
from tests.unit.reconcilers.world import (
    AUTH,
    CONNECTION,
    CONNECTION_SPEC,
    OPERATOR,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.domain.references import Tenancy
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.requests import Operation, VaultRequest

pytestmark = pytest.mark.looptime

GLOBAL = ObjectKey("infra", "global")
GLOBAL_SPEC: dict[str, Any] = {
    "allowedNamespaces": ["apps"],
    "defaultAuthMethod": "kubernetes",
    "vaultConnectionRef": "vault",
    "kubernetes": {
        "mount": "kubernetes",
        "role": "app",
        "serviceAccount": "app-sa",
        "audiences": ["vault"],
    },
}
REFERENCE = {"name": "global", "namespace": "infra"}
HEIR: dict[str, Any] = {"vaultAuthGlobalRef": REFERENCE}


def inheriting(**changes: object) -> World:
    """Return a world whose VaultAuth has nothing of its own."""
    world = World().in_order()
    world.put(world.auth_globals, GLOBAL, GLOBAL_SPEC | changes)
    world.put(world.auths, AUTH, HEIR)
    world.woken.clear()
    return world


async def look(world: World) -> tuple[str, str, str]:
    """Have the VaultAuth looked at; return how it is."""
    assert await world.auth.reconcile(AUTH, 0) == Outcome()
    return world.condition(world.auths, AUTH, "Ready")


async def check(world: World, key: ObjectKey = GLOBAL) -> None:
    assert await world.auth_global.reconcile(key, 0) == Outcome()


def last_login(world: World) -> VaultRequest:
    logins = [
        each for each in world.vault.requests if each.operation is Operation.LOGIN
    ]
    return logins[-1]


def role_shown(world: World) -> object:
    body = last_login(world).body
    assert body is not None
    return body.reveal()["role"]


async def test_consumer_logs_in_with_what_its_auth_inherits() -> None:
    world = inheriting()

    await sync(world)

    assert ready(world)[0] == "True"
    assert last_login(world).path == ("auth", "kubernetes", "login")
    assert role_shown(world) == "app"


async def test_auth_tells_from_which_global_it_inherits() -> None:
    world = inheriting()

    assert (await look(world))[0] == "True"

    assert world.condition(world.auths, AUTH, "Available") == (
        "True",
        "VaultAuthGlobalRef",
        "VaultAuthGlobal infra/global, uid uid-of-global, generation 1",
    )


async def test_auth_that_inherits_no_more_does_not_tell_of_a_global() -> None:
    world = inheriting()
    await look(world)
    own = {key: value for key, value in GLOBAL_SPEC.items() if "default" not in key}
    world.put(world.auths, AUTH, own | {"method": "kubernetes", "mount": "kubernetes"})

    assert (await look(world))[0] == "True"

    assert "Available" not in world.conditions(world.auths, AUTH)


async def test_spec_of_an_auth_stays_as_it_was_written() -> None:
    world = inheriting()

    await look(world)
    await sync(world)

    (written,) = (
        each.spec
        for (_, key), each in world.kubernetes.resources.items()
        if key == AUTH
    )
    assert json.loads(written) == HEIR


async def test_changed_global_wakes_all_who_inherit_and_logs_in_anew() -> None:
    world = inheriting()
    await sync(world)
    await look(world)
    world.woken.clear()
    block = GLOBAL_SPEC["kubernetes"] | {"role": "other"}

    world.put(world.auth_globals, GLOBAL, GLOBAL_SPEC | {"kubernetes": block})

    assert set(world.woken) == {GLOBAL, AUTH, RESOURCE}
    await sync(world)
    assert role_shown(world) == "other"
    assert len(world.pool) == 1, "the session of the former merge has no user"
    await look(world)
    assert "generation 2" in world.condition(world.auths, AUTH, "Available")[2]


async def test_change_of_a_global_that_is_none_for_the_auth_keeps_its_session() -> None:
    world = inheriting()
    await sync(world)
    logins = world.vault.logins

    world.put(world.auth_globals, GLOBAL, GLOBAL_SPEC | {"jwt": {"role": "other"}})
    await sync(world)

    assert world.vault.logins == logins


async def test_each_auth_has_a_session_of_its_own_merge() -> None:
    world = inheriting()
    twin, consumer = ObjectKey("apps", "twin"), ObjectKey("apps", "cache")
    world.put(world.auths, twin, HEIR | {"kubernetes": {"role": "own"}})
    world.put(world.resources, consumer, RESOURCE_SPEC | {"vaultAuthRef": "twin"})
    await sync(world)

    await (await world.pool.open(consumer, "twin")).read(
        ("secret", "data", "prod", "db")
    )

    assert role_shown(world) == "own"
    assert len(world.pool) == 2


async def test_missing_global_is_waited_for() -> None:
    world = inheriting()
    world.remove(world.auth_globals, GLOBAL)
    assert (await look(world))[:2] == ("False", "VaultAuthGlobalNotFound")
    await sync(world)
    assert ready(world)[:2] == ("False", "VaultAuthGlobalNotFound")
    available = world.condition(world.auths, AUTH, "Available")
    assert available[:2] == ("False", "VaultAuthGlobalRef")
    world.woken.clear()

    world.put(world.auth_globals, GLOBAL, GLOBAL_SPEC)

    assert set(world.woken) == {GLOBAL, AUTH, RESOURCE}
    await sync(world)
    assert ready(world)[0] == "True"


@pytest.mark.parametrize("allowed", [[], ["team"], ["ap*"]])
async def test_global_must_admit_the_namespace_of_the_auth(allowed: list[str]) -> None:
    world = inheriting(allowedNamespaces=allowed)

    told = await look(world)
    await sync(world)

    message = "VaultAuthGlobal infra/global does not allow namespace apps"
    assert told == ("False", "VaultAuthGlobalNotAllowed", message)
    assert ready(world) == told
    assert world.vault.logins == 0


async def test_session_ends_when_the_global_does_not_admit_it_any_more() -> None:
    world = inheriting()
    await sync(world)

    world.put(world.auth_globals, GLOBAL, GLOBAL_SPEC | {"allowedNamespaces": []})
    await sync(world)

    assert len(world.pool) == 0
    assert ready(world)[0] == "True", "what is there is what Vault said last"
    healthy = world.condition(world.resources, RESOURCE, "Healthy")
    assert "does not allow namespace apps" in healthy[2]


@pytest.mark.parametrize(
    ("options", "allowed", "reason"),
    [
        pytest.param({}, [], "Ready", id="it names nobody"),
        pytest.param({}, ["team"], "VaultAuthGlobalNotAllowed", id="it names others"),
        pytest.param({"defaults_admit_all": True}, ["team"], "Ready", id="as upstream"),
        pytest.param({"default_globals": False}, [], "InvalidReference", id="off"),
    ],
)
async def test_default_global_of_the_operator_serves_as_the_settings_say(
    options: dict[str, bool], allowed: list[str], reason: str
) -> None:
    world = World(tenancy=Tenancy(OPERATOR, **options)).in_order()  # type: ignore[arg-type]
    central = GLOBAL_SPEC | {"allowedNamespaces": allowed}
    world.put(world.auth_globals, ObjectKey(OPERATOR, "default"), central)
    world.put(world.auths, AUTH, {"vaultAuthGlobalRef": {"allowDefault": True}})

    assert (await look(world))[1] == reason


async def test_default_global_beside_the_auth_comes_before_the_operators() -> None:
    world = World().in_order()
    central, own = ObjectKey(OPERATOR, "default"), ObjectKey("apps", "default")
    world.put(world.auth_globals, central, GLOBAL_SPEC)
    world.put(world.auths, AUTH, {"vaultAuthGlobalRef": {"allowDefault": True}})
    world.woken.clear()

    world.put(world.auth_globals, own, GLOBAL_SPEC | {"allowedNamespaces": []})

    assert {AUTH, RESOURCE} <= set(world.woken)
    await look(world)
    assert "apps/default" in world.condition(world.auths, AUTH, "Available")[2]


async def test_what_a_global_does_not_say_either_is_named() -> None:
    world = inheriting(kubernetes={"role": "app"})

    assert await look(world) == (
        "False",
        "InvalidSpec",
        "not set: spec.mount, spec.kubernetes.serviceAccount; it inherits from "
        "VaultAuthGlobal infra/global",
    )


async def test_global_that_cannot_be_read_is_told_to_its_heirs() -> None:
    world = inheriting(kubernetes={"role": 1})

    told = await look(world)
    await check(world)

    assert told[:2] == ("False", "VaultAuthGlobalInvalid")
    assert "spec.kubernetes.role" in told[2]
    said = world.condition(world.auth_globals, GLOBAL, "Ready")
    assert said[:2] == ("False", "InvalidSpec")
    assert world.status(world.auth_globals, GLOBAL)["valid"] is False


async def test_bare_connection_of_a_global_lies_beside_the_auth() -> None:
    world = inheriting()
    world.put(world.connections, ObjectKey("infra", "vault"), {"address": "https://no"})

    await sync(world)

    assert world.clients == [("https://vault:8200", None)]


async def test_global_may_give_away_the_connections_of_its_own_namespace() -> None:
    world = inheriting(vaultConnectionRef="infra/vault")
    central = {"address": "https://central:8200"}
    world.put(world.connections, ObjectKey("infra", "vault"), central)

    await sync(world)

    assert ready(world)[0] == "True"
    assert world.clients == [("https://central:8200", None)]


async def test_global_gives_away_no_connection_of_others() -> None:
    world = inheriting(vaultConnectionRef="team/vault")
    world.put(world.connections, ObjectKey("team", "vault"), CONNECTION_SPEC)

    told = await look(world)
    await check(world)

    assert told[:2] == ("False", "VaultConnectionNotAllowed")
    said = world.condition(world.auth_globals, GLOBAL, "Ready")
    assert said[:2] == ("False", "VaultConnectionNotAllowed")


@pytest.mark.parametrize(
    ("reference", "connection"),
    [
        pytest.param("vault", CONNECTION, id="beside the auth"),
        pytest.param("vault", ObjectKey(OPERATOR, "vault"), id="by fallback"),
        pytest.param(
            "infra/vault", ObjectKey("infra", "vault"), id="by its whole name"
        ),
        pytest.param(None, ObjectKey(OPERATOR, "default"), id="by nobody's word"),
    ],
)
async def test_changed_connection_wakes_who_inherits_it(
    reference: str | None, connection: ObjectKey
) -> None:
    world = inheriting(vaultConnectionRef=reference)

    world.put(world.connections, connection, {"address": "https://new"})

    assert set(world.woken) == {connection, AUTH, RESOURCE}


async def test_connection_of_others_wakes_no_heir() -> None:
    world = inheriting(vaultConnectionRef="infra/vault")

    world.put(world.connections, CONNECTION, {"address": "https://new"})

    assert set(world.woken) == {CONNECTION}


@pytest.mark.parametrize(
    "reference", [{"name": 1}, "global", {"name": ".."}, {"namespace": "a/b"}]
)
async def test_reference_nobody_can_read_is_no_reference(reference: object) -> None:
    world = inheriting()
    world.put(world.auths, AUTH, {"vaultAuthGlobalRef": reference})
    world.woken.clear()

    world.put(world.auth_globals, GLOBAL, GLOBAL_SPEC | {"defaultMount": "other"})

    assert world.woken == [GLOBAL]


async def test_global_in_order_is_valid() -> None:
    world = inheriting()

    await check(world)
    writes = world.kubernetes.writes
    await check(world)

    assert world.kubernetes.writes == writes, "the second look has nothing to tell"
    assert world.conditions(world.auth_globals, GLOBAL) == {
        "Healthy": "True",
        "Ready": "True",
    }
    status = world.status(world.auth_globals, GLOBAL)
    assert (status["valid"], status["error"]) == (True, "")
    assert [told.reason for told in world.kubernetes.told] == ["Accepted"]


async def test_global_without_a_connection_leaves_that_to_its_heirs() -> None:
    world = inheriting(vaultConnectionRef=None)
    world.put(world.auths, AUTH, HEIR | {"vaultConnectionRef": "vault"})

    await check(world)

    assert world.status(world.auth_globals, GLOBAL)["valid"] is True
    assert (await look(world))[0] == "True"


async def test_global_that_nobody_can_read_names_no_connection() -> None:
    world = inheriting(vaultConnectionRef=1)

    world.put(world.connections, CONNECTION, {"address": "https://new"})

    assert world.woken == [CONNECTION]


async def test_global_in_a_namespace_that_is_not_watched_is_not_called_missing() -> (
    None
):
    world = World(scopes=("apps",)).in_order()
    world.put(world.auths, AUTH, HEIR)

    assert (await look(world))[:2] == ("False", "NamespaceNotWatched")


async def test_deleted_global_is_forgotten() -> None:
    world = inheriting()
    await check(world)
    mark = b'controller="vaultauthglobal"'
    assert mark in generate_latest(world.metrics.registry)
    world.remove(world.auth_globals, GLOBAL)

    await check(world)

    assert mark not in generate_latest(world.metrics.registry)
