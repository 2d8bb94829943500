"""What a session makes of a 403: a dead token, or a policy."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.vault.sessions import (
    FOUND,
    PATH,
    read_at_once,
    session_with,
    vault_with_a_secret,
)
from vso_controller.vault.errors import (
    PathNotFound,
    PermissionDenied,
    ServerSealed,
)
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime


async def test_revoked_token_leads_to_one_login_for_all_who_were_denied() -> None:
    vault = vault_with_a_secret()
    vault.delays = {Operation.LOGIN: 1, Operation.READ: 0.1}
    session = session_with(vault)
    await session.read(PATH)
    vault.revoke_all()

    results = await read_at_once(session, 1000)

    assert results == [FOUND] * 1000
    assert vault.logins == 2
    assert vault.calls[Operation.LOOKUP_TOKEN] == 1


async def test_missing_policy_leads_to_no_login() -> None:
    vault = vault_with_a_secret()
    vault.denied.add("secret/app")
    session = session_with(vault)

    for _ in range(600):
        (result,) = await read_at_once(session, 1)
        assert isinstance(result, PermissionDenied)
        await asyncio.sleep(1)

    assert vault.logins == 1


async def test_many_denied_calls_look_the_token_up_once() -> None:
    vault = vault_with_a_secret()
    vault.denied.add("secret/app")
    vault.delays = {Operation.LOOKUP_TOKEN: 1}
    session = session_with(vault)

    await read_at_once(session, 1000)

    assert vault.calls[Operation.LOOKUP_TOKEN] == 1


async def test_denied_call_is_sent_again_once_after_a_new_login() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    await session.read(PATH)
    vault.revoke_all()
    vault.denied.add("secret/app")
    vault.calls.clear()

    (result,) = await read_at_once(session, 1)

    assert isinstance(result, PermissionDenied)
    assert vault.calls[Operation.READ] == 2
    assert vault.calls[Operation.LOGIN] == 1


async def test_token_that_may_not_look_itself_up_causes_one_login_a_minute() -> None:
    vault = vault_with_a_secret()
    vault.may_look_up = False
    vault.denied.add("secret/app")
    session = session_with(vault)

    for _ in range(600):
        await read_at_once(session, 1)
        await asyncio.sleep(1)

    assert 10 <= vault.logins <= 11


async def test_each_revocation_costs_one_login() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)

    for revocations in range(10):
        assert await read_at_once(session, 10) == [FOUND] * 10
        assert vault.logins == 1 + revocations
        vault.revoke_all()


async def test_policy_that_comes_back_is_noticed_at_once() -> None:
    vault = vault_with_a_secret()
    vault.denied.add("secret/app")
    session = session_with(vault)
    await read_at_once(session, 1)

    vault.denied.clear()

    assert await read_at_once(session, 1) == [FOUND]


async def test_unknown_fate_of_the_token_is_told_as_what_went_wrong() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    await session.read(PATH)
    vault.revoke_all()
    vault.failures[Operation.LOOKUP_TOKEN] = ServerSealed("sealed")

    (result,) = await read_at_once(session, 1)

    assert isinstance(result, ServerSealed)
    assert vault.logins == 1


async def test_other_failures_of_a_call_leave_the_token_alone() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)

    with pytest.raises(PathNotFound):
        await session.read(("secret", "missing"))

    assert vault.calls == {Operation.LOGIN: 1, Operation.READ: 1}
