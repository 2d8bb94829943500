"""How long a session keeps a token."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.fakes.vault_transport import LoopClock, VaultInMemory
from tests.unit.vault.sessions import FOUND, PATH, session_with, vault_with_a_secret
from vso_controller.foundation.errors import OperationFailed
from vso_controller.vault.errors import (
    LoginRefused,
    PermissionDenied,
    ServerFailed,
)
from vso_controller.vault.requests import Operation
from vso_controller.vault.session import VaultSession

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


async def sleep_until(moment: float | None) -> None:
    assert moment is not None
    await asyncio.sleep(moment - now())


async def logged_in(vault: VaultInMemory) -> VaultSession:
    session = session_with(vault)
    await session.read(PATH)
    return session


async def keep_alive(session: VaultSession, *, until: float) -> None:
    """Do what a scheduler does: renew when it is due, whatever comes of it."""
    while session.next_renewal is not None and session.next_renewal < until:
        await sleep_until(session.next_renewal)
        try:
            await session.renew()
        except OperationFailed:
            continue


async def test_nothing_is_due_before_the_first_login() -> None:
    session = session_with(vault_with_a_secret())

    await session.renew()

    assert session.next_renewal is None


async def test_token_is_renewed_at_two_thirds_of_its_life() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)
    assert session.next_renewal == pytest.approx(now() + 2400)

    await sleep_until(session.next_renewal)
    await session.renew()

    assert vault.calls[Operation.RENEW_TOKEN] == 1
    assert session.next_renewal == pytest.approx(now() + 2400)


@pytest.mark.parametrize("skew", [600.0, -600.0], ids=["ahead", "behind"])
async def test_row_49_clock_that_is_wrong_keeps_a_token_as_long_as_any(
    skew: float,
) -> None:
    vault, clock = vault_with_a_secret(), LoopClock()
    clock.skew = skew
    session = session_with(vault, clock=clock)
    await session.read(PATH)
    clock.skew = -skew  # and set to be as wrong the other way

    assert session.next_renewal == pytest.approx(now() + 2400)
    await keep_alive(session, until=8 * 3600)

    await session.read(PATH)
    assert vault.calls[Operation.LOGIN] == 1
    assert vault.calls[Operation.RENEW_TOKEN] == 8 * 3600 // 2400 - 1


async def test_renewal_that_is_not_due_sends_nothing() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)

    await session.renew()

    assert vault.calls[Operation.RENEW_TOKEN] == 0


async def test_two_renewals_at_once_are_one() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)
    await sleep_until(session.next_renewal)

    async with asyncio.TaskGroup() as group:
        group.create_task(session.renew())
        group.create_task(session.renew())

    assert vault.calls[Operation.RENEW_TOKEN] == 1


async def test_renewed_token_lives_on_without_a_login() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)

    await keep_alive(session, until=now() + 100 * 3600)

    assert (await session.read(PATH)).document == FOUND
    assert vault.logins == 1


@pytest.mark.parametrize(
    ("ttl", "renewable"), [(0, True), (0, False), (60, False)], ids=str
)
async def test_token_without_end_or_renewal_is_never_due(
    ttl: float, renewable: bool
) -> None:
    vault = vault_with_a_secret()
    vault.ttl, vault.renewable = ttl, renewable

    session = await logged_in(vault)

    assert session.next_renewal is None


async def test_token_without_end_is_used_for_ever() -> None:
    vault = vault_with_a_secret()
    vault.ttl = 0
    session = await logged_in(vault)

    await asyncio.sleep(10 * 86400)
    await session.read(PATH)

    assert vault.logins == 1


@pytest.mark.parametrize("ttl", [2, 60, 3600])
async def test_token_about_to_end_is_replaced_before_it_is_used(ttl: float) -> None:
    vault = vault_with_a_secret()
    vault.ttl, vault.renewable = ttl, False
    session = await logged_in(vault)

    await asyncio.sleep(ttl * 0.85)
    await session.read(PATH)
    assert vault.logins == 1
    await asyncio.sleep(ttl * 0.149)
    await session.read(PATH)

    assert vault.logins == 2
    assert vault.calls[Operation.LOOKUP_TOKEN] == 0


async def test_token_that_ended_while_the_machine_slept_is_replaced() -> None:
    vault, clock = vault_with_a_secret(), LoopClock()
    session = session_with(vault, clock=clock)
    await session.read(PATH)

    clock.suspended = 3600
    await session.read(PATH)

    assert vault.logins == 2


async def test_failed_renewals_keep_the_token_until_it_ends() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)
    end = now() + 3600
    vault.failures[Operation.RENEW_TOKEN] = ServerFailed("oops")

    await keep_alive(session, until=end - 20)

    assert vault.logins == 1
    assert 5 <= vault.calls[Operation.RENEW_TOKEN] <= 20
    await asyncio.sleep(end - 20 - now())
    await session.read(PATH)
    assert vault.logins == 1
    await asyncio.sleep(20)
    await session.read(PATH)
    assert vault.logins == 2


async def test_failed_renewal_is_told_and_a_later_one_heals_it() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)
    await sleep_until(session.next_renewal)
    vault.failures[Operation.RENEW_TOKEN] = ServerFailed("oops")

    with pytest.raises(ServerFailed):
        await session.renew()
    vault.failures.clear()
    await keep_alive(session, until=now() + 3600)

    assert vault.logins == 1


async def test_token_near_its_maximum_is_replaced_before_it_ends() -> None:
    vault = vault_with_a_secret()
    vault.max_ttl = 5000
    session = await logged_in(vault)
    born = now()

    while vault.logins == 1:
        await keep_alive(session, until=(session.next_renewal or 0) + 1)

    assert vault.calls[Operation.RENEW_TOKEN] == 1
    # Renewed at 2400 s, for the 2600 s that are left; replaced after two thirds.
    assert now() - born == pytest.approx(2400 + 2600 * 2 / 3)
    assert vault.calls[Operation.LOOKUP_TOKEN] == 0


async def test_denied_renewal_leads_to_a_login_before_the_token_ends() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)
    vault.failures[Operation.RENEW_TOKEN] = PermissionDenied("no policy")

    await keep_alive(session, until=now() + 3600)

    assert vault.calls[Operation.RENEW_TOKEN] == 1
    assert vault.logins == 2


async def test_refused_replacement_leaves_the_old_token_in_use() -> None:
    vault = vault_with_a_secret()
    vault.max_ttl = 5000
    session = await logged_in(vault)
    end = now() + 5000
    vault.failures[Operation.LOGIN] = PermissionDenied("role gone")

    await keep_alive(session, until=end - 20)
    await asyncio.sleep(end - 20 - now())

    assert (await session.read(PATH)).document == FOUND
    await asyncio.sleep(20)
    with pytest.raises(LoginRefused):
        await session.read(PATH)


async def test_late_renewal_leaves_the_token_of_a_newer_login_alone() -> None:
    vault = vault_with_a_secret()
    session = await logged_in(vault)
    first = session.client_id
    await sleep_until(session.next_renewal)
    vault.delays[Operation.RENEW_TOKEN] = 10

    async def renew() -> None:
        with suppress(PermissionDenied):
            await session.renew()

    async with asyncio.TaskGroup() as group:
        group.create_task(renew())
        await asyncio.sleep(1)
        await session.revoke()
        await session.read(PATH)
        second, due = session.client_id, session.next_renewal

    assert first != second
    assert (session.client_id, session.next_renewal) == (second, due)
