"""What is told to Vault when the process ends."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.unit.credentials.leases import SECRET_PATH, issue
from tests.unit.reconcilers.world import (
    AUTH_SPEC,
    CONNECTION_SPEC,
    RESOURCE,
    World,
)
from vso_controller.credentials.farewell import AT_ONCE
from vso_controller.domain.destination import OPAQUE
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.vault.errors import ServerFailed
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

OTHER = ObjectKey("apps", "other")
WITHIN = 2.0  # seconds


def with_auth(world: World, name: str, **changes: object) -> str:
    world.put(world.auths, ObjectKey("apps", name), AUTH_SPEC | changes)
    return name


async def farewell(world: World, *, revoke: bool = False) -> None:
    await world.pool.say_farewell(within=WITHIN, revoke=revoke)


async def read(world: World, consumer: ObjectKey, auth: str) -> None:
    await (await world.pool.open(consumer, auth)).read(SECRET_PATH)


async def test_tokens_that_leases_hang_on_are_renewed_once_more() -> None:
    world = World().in_order()
    issued = await issue(world, RESOURCE)
    await read(world, OTHER, with_auth(world, "others"))
    await asyncio.sleep(1000)

    await farewell(world)

    assert world.vault.calls[Operation.RENEW_TOKEN] == 1
    assert issued.hold.ends == pytest.approx(4600)
    assert world.vault.calls[Operation.REVOKE_TOKEN] == 0


async def test_token_that_ends_first_is_renewed_first() -> None:
    world = World().in_order()
    await issue(world, RESOURCE)
    world.vault.ttl = 60
    soon = await issue(world, OTHER, with_auth(world, "others"))

    await farewell(world)

    tokens = [
        each.token.reveal()
        for each in world.vault.requests
        if each.operation is Operation.RENEW_TOKEN and each.token is not None
    ]
    assert tokens == ["canary-token-2", "canary-token-1"]
    assert soon.hold.ends == pytest.approx(60)


async def test_tokens_of_ours_that_nothing_hangs_on_are_given_back_if_wanted() -> None:
    world = World().in_order()
    await issue(world, RESOURCE)
    await read(world, OTHER, with_auth(world, "others"))

    await farewell(world, revoke=True)

    assert list(world.vault.tokens) == ["canary-token-1"]


async def test_token_that_somebody_else_has_made_is_never_given_back() -> None:
    world = World().in_order()
    key = ObjectKey("apps", "given")
    world.kubernetes.put(
        ObservedSecret(key, "uid-of-given", "1", OPAQUE, b""), {"token": b"canary-own"}
    )
    world.vault.give("canary-own")
    auth = with_auth(world, "given", method="token", token={"secretRef": "given"})
    await read(world, RESOURCE, auth)

    await farewell(world, revoke=True)

    assert list(world.vault.tokens) == ["canary-own"]


async def test_vault_that_does_not_answer_delays_the_end_no_longer() -> None:
    world = World().in_order()
    for number in range(50):
        await issue(world, RESOURCE, with_auth(world, f"auth-{number}"))
    world.vault.delays[Operation.RENEW_TOKEN] = 60
    began = world.clock.monotonic()

    with capture_logs() as lines:
        await farewell(world)

    assert world.clock.monotonic() - began == pytest.approx(WITHIN)
    (told,) = (each for each in lines if each["event"] == "took_leave_of_vault")
    assert (told["renewed"], told["not_done"]) == (0, 50)


async def test_slow_vault_keeps_another_from_nothing() -> None:
    world = World().in_order()
    slow = world.put(
        world.connections, ObjectKey("apps", "slow"), CONNECTION_SPEC
    ).key.name
    for number in range(20):
        auth = with_auth(world, f"auth-{number}", vaultConnectionRef=slow)
        await issue(world, ObjectKey("apps", f"r{number}"), auth)
    await asyncio.sleep(100)
    last = await issue(world, RESOURCE)
    await asyncio.sleep(100)
    world.vault.delays[Operation.RENEW_TOKEN] = 1.5

    await farewell(world)

    assert last.hold.ends == pytest.approx(3800, abs=2)
    assert world.vault.calls[Operation.RENEW_TOKEN] == 2 * AT_ONCE + 1


async def test_failure_is_told_and_keeps_no_other_from_its_turn() -> None:
    world = World().in_order()
    await issue(world, RESOURCE)
    await read(world, OTHER, with_auth(world, "others"))
    world.vault.failures[Operation.RENEW_TOKEN] = ServerFailed("oops")

    with capture_logs() as lines:
        await farewell(world, revoke=True)

    assert [each["event"] for each in lines] == [
        "farewell_failed",
        "took_leave_of_vault",
    ]
    assert (lines[1]["renewed"], lines[1]["revoked"]) == (0, 1)


async def test_who_has_nothing_to_say_says_nothing() -> None:
    world = World().in_order()
    await read(world, RESOURCE, "auth")

    with capture_logs() as lines:
        await farewell(world)

    assert lines == []
