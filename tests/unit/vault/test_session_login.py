"""When a session logs in, and when it does not."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from tests.fakes.vault_transport import RoleLogin
from tests.unit.vault.sessions import (
    FOUND,
    PATH,
    read_at_once,
    session_with,
    vault_with_a_secret,
)
from vso_controller.foundation.errors import (
    Denied,
    Gone,
    OperationFailed,
    OutcomeUnknown,
    Transient,
)
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import (
    AnswerLost,
    CredentialsMissing,
    InvalidRequest,
    LoginRefused,
    LoginUnanswered,
    NotVaultAnswer,
    PathNotFound,
    PermissionDenied,
    RateLimited,
    RouteNotFound,
    ServerSealed,
)
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest

pytestmark = pytest.mark.looptime


async def test_first_read_logs_in_and_later_ones_use_the_token() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)

    documents = [(await session.read(PATH)).document for _ in range(3)]

    assert documents == [FOUND] * 3
    assert vault.logins == 1


async def test_login_goes_to_its_mount_without_token_and_in_the_namespace() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault, login=RoleLogin("k8s/east"), namespace="team")

    await session.read(PATH)

    login = vault.requests[0]
    assert (login.method, login.path) == (Method.PUT, ("auth", "k8s", "east", "login"))
    assert (login.token, login.namespace, login.repeatable) == (None, "team", False)


async def test_read_uses_the_sessions_namespace_unless_told_another() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault, namespace="team")

    await session.read(PATH)
    await session.read(PATH, namespace="other")
    await session.read(PATH, namespace="")

    reads = [ask for ask in vault.requests if ask.operation is Operation.READ]
    assert [ask.namespace for ask in reads] == ["team", "other", ""]


async def test_many_callers_share_one_login() -> None:
    vault = vault_with_a_secret()
    vault.delays[Operation.LOGIN] = 3

    results = await read_at_once(session_with(vault), 1000)

    assert results == [FOUND] * 1000
    assert vault.logins == 1


async def test_cancelled_caller_leaves_the_login_to_the_next() -> None:
    vault = vault_with_a_secret()
    vault.delays[Operation.LOGIN] = 3
    session = session_with(vault)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(session.read(PATH))
        second = group.create_task(session.read(PATH))
        await asyncio.sleep(1)
        first.cancel()

    assert second.result().document == FOUND


async def test_failed_login_is_answered_from_memory_to_all_who_ask() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = InvalidRequest('invalid role name "nope"')
    session = session_with(vault)

    results = await read_at_once(session, 1000)

    assert vault.logins == 1
    assert {type(result) for result in results} == {LoginRefused}
    assert "invalid role name" in str(results[0])


async def test_refused_identity_logs_in_ever_more_rarely() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = PermissionDenied("no")
    session = session_with(vault)
    attempts: list[int] = []

    for _ in range(20):  # minutes, with a caller every second
        before = vault.logins
        for _ in range(60):
            await read_at_once(session, 2)
            await asyncio.sleep(1)
        attempts.append(vault.logins - before)

    assert 4 <= attempts[0] <= 6
    assert max(attempts[2:]) <= 2


async def test_login_works_again_after_the_rest() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = PermissionDenied("no")
    session = session_with(vault)
    await read_at_once(session, 1)
    vault.failures.clear()

    await asyncio.sleep(3.7)  # the rest is 5 s, shortened by a quarter at most
    assert isinstance((await read_at_once(session, 1))[0], LoginRefused)
    await asyncio.sleep(1.3)
    assert await read_at_once(session, 1) == [FOUND]


async def test_rests_begin_short_again_after_a_login_that_worked() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    refused = PermissionDenied("no")
    for _ in range(10):
        vault.failures[Operation.LOGIN] = refused
        await read_at_once(session, 1)
        await asyncio.sleep(60)
    vault.failures.clear()
    assert await read_at_once(session, 1) == [FOUND]

    vault.failures[Operation.LOGIN] = refused
    await session.revoke()
    await read_at_once(session, 1)
    vault.failures.clear()
    await asyncio.sleep(5)

    assert await read_at_once(session, 1) == [FOUND]


async def test_token_without_an_accessor_has_no_client_id() -> None:
    class Batches:
        async def request(self, request: VaultRequest) -> VaultReply:
            auth = {
                "client_token": "hvb.x",
                "accessor": "",
                "lease_duration": 60,
                "renewable": False,
            }
            return VaultReply(status=200, document=Secret({"auth": auth}))

    session = session_with(Batches())

    await session.read(PATH)

    assert session.client_id == ""


async def test_vault_that_comes_back_is_noticed_within_ten_seconds() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = ServerSealed("sealed")
    session = session_with(vault)
    for _ in range(600):
        await read_at_once(session, 1)
        await asyncio.sleep(1)
    vault.failures.clear()

    await asyncio.sleep(10)

    assert await read_at_once(session, 1) == [FOUND]


async def test_rate_limited_login_rests_as_long_as_vault_asked() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = RateLimited("slow down", retry_after=120)
    session = session_with(vault)
    await read_at_once(session, 1)

    await asyncio.sleep(119)
    await read_at_once(session, 1)
    assert vault.logins == 1
    await asyncio.sleep(1)
    await read_at_once(session, 1)
    assert vault.logins == 2


async def test_remembered_failure_does_not_grow() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = PermissionDenied("no")
    session = session_with(vault)

    def frames(error: BaseException | None) -> int:
        count, traceback = 0, error.__traceback__ if error is not None else None
        while traceback is not None:
            count, traceback = count + 1, traceback.tb_next
        return count

    depths = []
    for _ in range(5):
        with pytest.raises(LoginRefused) as refused:
            await session.read(PATH)
        depths.append(frames(refused.value))

    assert depths[1] == depths[-1]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (PermissionDenied("403"), LoginRefused),
        (InvalidRequest("400"), LoginRefused),
        (PathNotFound("404"), LoginRefused),
        (RouteNotFound("404"), LoginRefused),
        (AnswerLost("lost"), LoginUnanswered),
        (ServerSealed("sealed"), ServerSealed),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_failed_login_never_looks_like_the_fate_of_the_call(
    failure: OperationFailed, kind: type[OperationFailed]
) -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.LOGIN] = failure

    (result,) = await read_at_once(session_with(vault), 1)

    assert type(result) is kind
    assert not isinstance(result, Gone | OutcomeUnknown)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Gone("no service account"), CredentialsMissing),
        (OutcomeUnknown("lost"), LoginUnanswered),
        (Denied("forbidden"), Denied),
        (Transient("later"), Transient),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_missing_credentials_never_look_like_the_fate_of_the_call(
    failure: OperationFailed, kind: type[OperationFailed]
) -> None:
    vault = vault_with_a_secret()

    (result,) = await read_at_once(
        session_with(vault, login=RoleLogin(failure=failure)), 1
    )

    assert type(result) is kind
    assert vault.logins == 0


@pytest.mark.parametrize(
    "auth",
    [
        pytest.param(None, id="absent"),
        pytest.param({}, id="empty"),
        pytest.param({"client_token": ""}, id="second factor"),
        pytest.param({"client_token": "canary\r\n"}, id="line break"),
        pytest.param({"client_token": "canary", "lease_duration": -1}, id="negative"),
        pytest.param(
            {"client_token": "canary", "lease_duration": "9" * 500}, id="huge"
        ),
        pytest.param({"client_token": "canary", "renewable": "canary"}, id="type"),
    ],
)
async def test_answer_without_a_usable_token_is_no_login(
    auth: dict[str, object] | None,
) -> None:
    whole = {"accessor": "a", "lease_duration": "60", "renewable": True}

    class Odd:
        async def request(self, request: VaultRequest) -> VaultReply:
            document = {"auth": None if auth is None else whole | {"x": 1} | auth}
            return VaultReply(status=200, document=Secret(document))

    session = session_with(Odd())

    with pytest.raises(NotVaultAnswer) as failed:
        await session.read(PATH)

    shown = f"{failed.value!r} {failed.value.__cause__} {failed.value.__cause__!r}"
    assert "canary" not in shown


async def test_client_id_is_the_hash_of_the_accessor() -> None:
    session = session_with(vault_with_a_secret())
    assert session.client_id == ""

    await session.read(PATH)

    expected = hashlib.blake2b(b"accessor-1", digest_size=32).hexdigest()
    assert session.client_id == expected


async def test_revoked_session_logs_in_when_it_is_used_again() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    await session.read(PATH)

    await session.revoke()
    await session.revoke()

    assert vault.tokens == {}
    assert vault.calls[Operation.REVOKE_TOKEN] == 1
    assert (await session.read(PATH)).document == FOUND
    assert vault.logins == 2


async def test_call_that_must_not_be_repeated_is_sent_once_when_lost() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.READ] = AnswerLost("lost")
    session = session_with(vault)

    (result,) = await read_at_once(session, 1)

    assert isinstance(result, AnswerLost)
    assert vault.calls[Operation.READ] == 1
