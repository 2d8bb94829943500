"""What a session makes of a 403: a dead token, or a policy."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.vault_transport import VaultInMemory
from tests.unit.vault.sessions import (
    FOUND,
    PATH,
    read_at_once,
    session_with,
    vault_with_a_secret,
)
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import (
    PathNotFound,
    PermissionDenied,
    ServerSealed,
)
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest

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


async def test_denial_says_what_is_missing_where() -> None:
    vault = vault_with_a_secret()
    vault.denied.add("secret/app")

    (result,) = await read_at_once(session_with(vault, namespace="team"), 1)

    assert str(result).endswith("; this identity has deny on secret/app and needs read")
    asked = vault.requests[-1]
    assert (asked.operation, asked.namespace) == (Operation.CAPABILITIES, "team")


async def test_capabilities_are_asked_once_for_a_path_and_a_token() -> None:
    vault = vault_with_a_secret()
    vault.denied.add("secret/app")
    session = session_with(vault)

    for _ in range(60):
        await read_at_once(session, 10)
        await asyncio.sleep(1)
    assert vault.calls[Operation.CAPABILITIES] == 1
    vault.revoke_all()
    await asyncio.sleep(60)
    await read_at_once(session, 10)

    assert vault.calls[Operation.CAPABILITIES] == 2, "another token may do other things"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="denied"),
        pytest.param({}, id="empty"),
        pytest.param({"data": {"secret/app": "read"}}, id="no list"),
        pytest.param({"data": {"secret/app": [1]}}, id="no words"),
    ],
)
async def test_denial_without_an_explanation_stays_what_it_was(
    answer: dict[str, JSONValue] | None,
) -> None:
    class Odd(VaultInMemory):
        async def request(self, request: VaultRequest) -> VaultReply:
            if request.operation is not Operation.CAPABILITIES:
                return await super().request(request)
            if answer is None:
                raise PermissionDenied("permission denied")
            return VaultReply(200, Secret(answer))

    session = session_with(Odd(denied={"secret/app"}))

    (result,) = await read_at_once(session, 1)

    assert str(result) == "permission denied"


async def test_very_many_denied_paths_are_not_all_asked_about() -> None:
    vault = VaultInMemory(denied={f"secret/{n}" for n in range(1100)})
    session = session_with(vault)

    for number in range(1100):
        with pytest.raises(PermissionDenied):
            await session.read(("secret", str(number)))

    assert vault.calls[Operation.CAPABILITIES] == 1000


async def test_other_failures_of_a_call_leave_the_token_alone() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)

    with pytest.raises(PathNotFound):
        await session.read(("secret", "missing"))

    assert vault.calls == {Operation.LOGIN: 1, Operation.READ: 1}
