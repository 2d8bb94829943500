"""Sessions by what they log in with: who shares one, and who is woken by a change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.unit.reconcilers.world import (
    AUTH,
    AUTH_SPEC,
    CONNECTION,
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.domain.destination import OPAQUE
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.errors import Parked
from vso_controller.foundation.listwatch import EventType
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.kube.errors import ServerFailed
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.errors import LoginRefused, PermissionDenied
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

SECRET_PATH = ("secret", "data", "prod", "db")
KEY = ObjectKey("apps", "app-id")
SECRET = ObservedSecret(KEY, "uid-of-app-id", "1", OPAQUE, b"")
APP_ROLE: dict[str, Any] = {
    "method": "appRole",
    "mount": "approle",
    "vaultConnectionRef": "vault",
    "appRole": {"roleId": "r", "secretRef": KEY.name},
}
GIVEN_TOKEN: dict[str, Any] = {
    "method": "token",
    "vaultConnectionRef": "vault",
    "token": {"secretRef": KEY.name},
}
OTHER = ObjectKey("apps", "other")


def world_with(auth: dict[str, Any], **data: bytes) -> World:
    """Return a world whose VaultAuth is `auth`, and whose Secret holds `data`."""
    world = World().in_order()
    world.put(world.auths, AUTH, auth)
    if data:
        world.kubernetes.put(SECRET, data)
    return world


async def opened(world: World, consumer: ObjectKey = RESOURCE) -> ConsumerSession:
    session = await world.pool.open(consumer, "auth")
    await session.read(SECRET_PATH)
    await world.pool.reconcile(session.key, 0)
    world.woken.clear()
    return session


async def test_thousand_resources_of_one_identity_log_in_once() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    world.vault.delays = {Operation.LOGIN: 1}

    async def use(number: int) -> None:
        session = await world.pool.open(ObjectKey("apps", f"r{number}"), "auth")
        while True:
            with suppress(Parked):
                await session.read(SECRET_PATH)
                return
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for number in range(1000):
            group.create_task(use(number))

    assert world.vault.logins == 1
    assert world.kubernetes.opened == 1, "the Secret is read for a login only"


async def test_headers_go_with_every_call_and_params_with_the_login() -> None:
    added = {"headers": {"x-team": "a"}, "params": {"p": "1"}}
    world = world_with(APP_ROLE | added, id=b"canary")

    await opened(world)

    login, read = world.vault.requests
    assert (login.headers, login.query) == ({"x-team": "a"}, {"p": "1"})
    assert (read.headers, read.query) == ({"x-team": "a"}, {})


async def test_secret_is_watched_as_long_as_its_session_is_used() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await opened(world)
    await world.pool.open(OTHER, "auth")
    user = ("apps", ("session", session.key))

    world.pool.release(OTHER)
    assert user in world.kubernetes.versions.users
    world.pool.release(RESOURCE)
    assert user not in world.kubernetes.versions.users


async def test_changed_secret_brings_one_login_and_wakes_who_uses_it() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await opened(world)

    world.kubernetes.edit(KEY, id=b"canary-2")
    assert world.woken == [session.key], "nobody else, before it is known to be news"
    await world.pool.reconcile(session.key, 0)

    assert world.woken == [session.key, RESOURCE]
    assert world.vault.logins == 2
    body = world.vault.requests[-1].body
    assert body is not None
    assert body.reveal()["secret_id"] == "canary-2"


async def test_touched_secret_wakes_nobody() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await opened(world)

    world.kubernetes.edit(KEY, note=b"touched")
    await world.pool.reconcile(session.key, 0)

    assert world.woken == [session.key]
    assert world.vault.logins == 1


async def test_secret_as_it_was_fetched_is_no_news() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    await opened(world)

    world.kubernetes.versions.tell(EventType.MODIFIED, world.kubernetes.secrets[KEY])

    assert world.woken == []


async def test_first_sight_of_a_secret_costs_nothing_before_a_login() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await world.pool.open(RESOURCE, "auth")
    world.woken.clear()

    world.kubernetes.edit(KEY, id=b"canary-2")
    await world.pool.reconcile(session.key, 0)

    assert world.woken == [session.key]
    assert world.kubernetes.opened == 0


async def test_other_secrets_wake_no_session() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    await opened(world)

    for number in range(100):
        key = ObjectKey("apps", f"s{number}")
        world.kubernetes.put(ObservedSecret(key, "u", "1", OPAQUE, b""), {"id": b"x"})

    assert world.woken == []


async def test_only_sessions_of_the_secret_and_their_consumers_are_woken() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    theirs = ObjectKey("apps", "their-auth")
    world.put(world.auths, theirs, AUTH_SPEC)
    session = await opened(world)
    other = await world.pool.open(OTHER, "their-auth")
    await other.read(SECRET_PATH)
    await world.pool.reconcile(other.key, 0)
    world.woken.clear()

    world.kubernetes.edit(KEY, id=b"canary-2")
    await world.pool.reconcile(session.key, 0)

    assert world.woken == [session.key, RESOURCE]


async def test_secret_that_appears_wakes_whose_login_failed() -> None:
    world = world_with(APP_ROLE)
    session = await world.pool.open(RESOURCE, "auth")
    with pytest.raises(Refusal) as refused:
        await session.read(SECRET_PATH)
    assert refused.value.failure.reason is Reason.CREDENTIALS_UNAVAILABLE
    world.woken.clear()

    world.kubernetes.put(SECRET, {"id": b"canary"})
    await world.pool.reconcile(session.key, 0)

    assert world.woken == [session.key, RESOURCE]
    await session.read(SECRET_PATH)
    assert world.vault.logins == 1, "without a rest"


async def test_secret_that_is_mended_ends_the_rest_of_a_refused_login() -> None:
    world = world_with(APP_ROLE, id=b"canary-wrong")
    world.vault.failures[Operation.LOGIN] = PermissionDenied("invalid secret id")
    session = await world.pool.open(RESOURCE, "auth")
    with pytest.raises(LoginRefused):
        await session.read(SECRET_PATH)
    world.vault.failures.clear()

    world.kubernetes.edit(KEY, id=b"canary")
    await world.pool.reconcile(session.key, 0)

    assert RESOURCE in world.woken
    await session.read(SECRET_PATH)


async def test_secret_that_is_deleted_ends_the_session_and_is_told() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await opened(world)

    world.kubernetes.remove(KEY)
    with pytest.raises(Refusal, match="does not exist"):
        await world.pool.reconcile(session.key, 0)

    assert RESOURCE in world.woken
    assert await world.pool.reconcile(session.key, 0) == Outcome(), "told once"


async def test_secret_that_cannot_be_read_now_is_looked_at_again() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await opened(world)
    world.kubernetes.edit(KEY, id=b"canary-2")

    world.kubernetes.failures["read_data"] = ServerFailed("500")
    with pytest.raises(ServerFailed):
        await world.pool.reconcile(session.key, 0)
    await session.read(SECRET_PATH)
    assert world.vault.logins == 1, "the token is good meanwhile"
    world.kubernetes.failures.clear()
    await world.pool.reconcile(session.key, 0)

    assert world.vault.logins == 2


async def test_renewal_does_not_wait_for_an_api_server_that_is_away() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    world.vault.ttl = 60
    session = await opened(world)
    world.kubernetes.edit(KEY, id=b"canary-2")
    world.kubernetes.failures["read_data"] = ServerFailed("500")

    await asyncio.sleep(45)
    with pytest.raises(ServerFailed):
        await world.pool.reconcile(session.key, 0)

    assert world.vault.calls[Operation.RENEW_TOKEN] == 1


async def test_given_token_is_used_without_a_login_until_its_secret_changes() -> None:
    world = world_with(GIVEN_TOKEN, token=b"canary-one\n")
    world.vault.give("canary-one")
    world.vault.give("canary-two")
    session = await opened(world)

    world.kubernetes.edit(KEY, token=b"canary-two\n")
    await world.pool.reconcile(session.key, 0)
    await session.read(SECRET_PATH)

    assert world.vault.logins == 0
    token = world.vault.requests[-1].token
    assert token is not None
    assert token.reveal() == "canary-two"
    assert world.vault.calls[Operation.REVOKE_TOKEN] == 0


async def test_text_that_is_no_token_is_never_sent() -> None:
    world = world_with(GIVEN_TOKEN, token=b"canary\r\nX-Vault-Namespace: root")
    session = await world.pool.open(RESOURCE, "auth")

    with pytest.raises(Refusal) as refused:
        await session.read(SECRET_PATH)

    assert refused.value.failure.reason is Reason.CREDENTIALS_UNAVAILABLE
    assert "canary" not in str(refused.value)
    assert world.vault.requests == []


async def test_file_that_changes_is_found_within_a_minute(tmp_path: Path) -> None:
    file = tmp_path / "id"
    file.write_text("canary")
    world = World(credential_roots=(tmp_path,)).in_order()
    block = {"roleId": "r", "secretIDPath": str(file)}
    world.put(world.auths, AUTH, APP_ROLE | {"appRole": block})
    session = await world.pool.open(RESOURCE, "auth")
    assert world.woken[-1] == session.key, "it is looked at from now on"
    await opened(world)

    (tmp_path / "next").write_text("canary-2")
    (tmp_path / "next").rename(file)
    outcome = await world.pool.reconcile(session.key, 0)

    assert outcome == Outcome(60)
    assert world.woken == [RESOURCE]
    assert world.vault.logins == 2


async def test_file_is_read_once_for_all_its_logins_share(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("canary")
    world = World(credential_roots=(tmp_path,)).in_order()
    block = {"roleId": "r", "secretIDPath": str(tmp_path / "id")}
    world.put(world.auths, AUTH, APP_ROLE | {"appRole": block})

    sessions = [await opened(world, ObjectKey("apps", f"r{n}")) for n in range(10)]

    assert world.vault.logins == 1
    assert len({session.key for session in sessions}) == 1
    assert len({session.meta() for session in sessions}) == 1


async def test_file_outside_the_roots_is_refused_by_the_name_of_the_flag() -> None:
    block = {"roleId": "r", "secretIDPath": "/etc/passwd"}
    world = world_with(APP_ROLE | {"appRole": block})
    session = await world.pool.open(RESOURCE, "auth")

    with pytest.raises(Refusal, match="--credential-path-roots"):
        await session.read(SECRET_PATH)


async def test_session_is_known_to_others_by_upstreams_name_once_it_is_used() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    session = await world.pool.open(RESOURCE, "auth")
    assert session.meta() is None

    await session.read(SECRET_PATH)

    meta = session.meta()
    assert meta is not None
    assert (meta.cache_key or "").startswith("approle-")
    assert len(meta.id or "") == 64


async def test_sessions_are_told_by_connection_and_method() -> None:
    world = world_with(APP_ROLE, id=b"canary")
    world.put(world.auths, ObjectKey("apps", "their-auth"), AUTH_SPEC)
    await opened(world)
    await world.pool.open(OTHER, "their-auth")

    told = generate_latest(world.metrics.registry).decode()

    place = f'vault_connection="{CONNECTION}"'
    assert f'vso_sessions{{method="appRole",{place}}} 1.0' in told
    assert f'vso_sessions{{method="kubernetes",{place}}} 1.0' in told
    ends = world.clock.now() + 3600
    line = f"vso_session_earliest_end_timestamp_seconds{{{place}}}"
    (end,) = (each for each in told.splitlines() if each.startswith(line))
    assert float(end.split()[-1]) == pytest.approx(ends, abs=5)
    assert 'vso_logins_total{method="appRole",result="Succeeded"} 1.0' in told


async def test_edited_auth_wakes_its_users_and_nobody_elses() -> None:
    world = World().in_order()
    theirs = ObjectKey("apps", "their-auth")
    world.put(world.auths, theirs, AUTH_SPEC)
    for number in range(50):
        spec = RESOURCE_SPEC | {"vaultAuthRef": "auth" if number % 2 else "their-auth"}
        world.put(world.resources, ObjectKey("apps", f"r{number}"), spec)
    world.woken.clear()

    world.put(world.auths, theirs, AUTH_SPEC | {"mount": "other"})

    others = {ObjectKey("apps", f"r{number}") for number in range(0, 50, 2)}
    assert set(world.woken) == {theirs, *others}
    assert len(world.woken) == 26
