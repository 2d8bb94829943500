"""Tokens that something hangs on: renewed to their end, whatever takes their place."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.fakes.vault_transport import (
    LoopClock,
    Presented,
    RoleLogin,
    VaultInMemory,
)
from tests.unit.vault.sessions import (
    FOUND,
    PATH,
    read_at_once,
    session_with,
    vault_with_a_secret,
)
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import (
    AnswerLost,
    CredentialsMissing,
    LeaseNotFound,
    PermissionDenied,
    ServerFailed,
)
from vso_controller.vault.requests import Method, Operation
from vso_controller.vault.session import VaultSession
from vso_controller.vault.tenure import Issued

pytestmark = pytest.mark.looptime

ROLE = ("database", "creds", "app")
HOUR = 3600.0


def now() -> float:
    return asyncio.get_running_loop().time()


def lease_of(issued: Issued) -> str:
    return str(issued.reply.document.reveal()["lease_id"])


async def keep_alive(session: VaultSession, *, seconds: float) -> None:
    """Do what a scheduler does: renew when it is due, whatever comes of it."""
    until = now() + seconds
    while session.next_renewal is not None and session.next_renewal < until:
        await asyncio.sleep(max(0, session.next_renewal - now()))
        with suppress(OperationFailed):
            await session.renew()
    await asyncio.sleep(until - now())


async def change_credentials(session: VaultSession, login: RoleLogin) -> None:
    login.jwt = f"{login.jwt}-next"
    assert await session.reconsider() is True


async def test_what_is_issued_is_asked_for_once_with_the_token_in_use() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault, namespace="team")

    issued = await session.issue(ROLE, body=Secret({"ttl": "1h"}), namespace="other")

    sent = vault.requests[-1]
    assert (sent.operation, sent.method, sent.path) == (
        Operation.ISSUE,
        Method.PUT,
        ROLE,
    )
    assert (sent.namespace, sent.repeatable) == ("other", False)
    assert issued.hold.client_id == session.client_id
    assert session.is_held


async def test_unknown_outcome_is_told_and_nothing_is_held_for_it() -> None:
    vault = vault_with_a_secret()
    vault.failures[Operation.ISSUE] = AnswerLost("lost")
    session = session_with(vault)

    with pytest.raises(AnswerLost):
        await session.issue(ROLE)

    assert vault.calls[Operation.ISSUE] == 1
    assert not session.is_held


async def test_issue_that_is_cancelled_holds_nothing() -> None:
    vault = vault_with_a_secret()
    vault.delays[Operation.ISSUE] = 10
    session = session_with(vault)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await session.issue(ROLE)

    assert not session.is_held


async def test_dead_token_leads_to_a_login_and_one_more_attempt_to_issue() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    await session.read(PATH)
    vault.revoke_all()

    issued = await session.issue(ROLE)

    assert vault.logins == 2
    assert vault.leases[lease_of(issued)] == "canary-token-2"


async def test_former_token_lives_as_long_as_something_hangs_on_it() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    issued = await session.issue(ROLE)

    await change_credentials(session, login)
    await keep_alive(session, seconds=100 * HOUR)

    assert vault.logins == 2
    assert session.client_id != issued.hold.client_id
    reply = await issued.hold.renew_lease(lease_of(issued), increment=60)
    assert reply.document.reveal()["lease_duration"] == 60
    token = vault.requests[-1].token
    assert token is not None
    assert token.reveal() == vault.leases[lease_of(issued)]


async def test_released_token_is_renewed_no_more() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    first, second = await session.issue(ROLE), await session.issue(ROLE)
    await change_credentials(session, login)

    first.hold.release()
    first.hold.release()
    assert session.is_held, "the other lease hangs on it still"
    second.hold.release()
    assert not session.is_held
    await keep_alive(session, seconds=2 * HOUR)

    assert second.hold.ends < now()
    assert (await session.read(PATH)).document == FOUND


async def test_tokens_of_many_logins_are_kept_side_by_side() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    issued = []
    for _ in range(5):
        issued.append(await session.issue(ROLE))
        await change_credentials(session, login)

    await keep_alive(session, seconds=10 * HOUR)

    assert len({each.hold.client_id for each in issued}) == 5
    for each in issued:
        await each.hold.renew_lease(lease_of(each), increment=60)


async def test_token_that_cannot_be_renewed_keeps_no_other_waiting() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    former = await session.issue(ROLE)
    await change_credentials(session, login)
    del vault.tokens[vault.leases[lease_of(former)]]

    await keep_alive(session, seconds=10 * HOUR)

    assert (await session.read(PATH)).document == FOUND
    assert vault.logins == 2


async def test_end_is_known_as_soon_as_no_renewal_prolongs_the_life() -> None:
    vault = vault_with_a_secret()
    vault.max_ttl = 5000
    session = session_with(vault)
    issued = await session.issue(ROLE)
    born = now()
    assert not issued.hold.is_final

    await keep_alive(session, seconds=2500)

    assert issued.hold.is_final
    assert issued.hold.ends == pytest.approx(born + 5000)
    await keep_alive(session, seconds=2000)
    assert vault.logins == 2, "what comes next is issued by another token"
    assert issued.hold.ends == pytest.approx(born + 5000)


async def test_token_that_is_not_renewable_has_its_end_from_the_beginning() -> None:
    vault = vault_with_a_secret()
    vault.renewable = False

    issued = await session_with(vault).issue(ROLE)

    assert issued.hold.is_final
    assert issued.hold.ends == pytest.approx(now() + HOUR)


async def test_revoked_token_is_found_out_by_its_renewal() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    issued = await session.issue(ROLE)
    vault.revoke_all()

    await keep_alive(session, seconds=2401)

    assert issued.hold.is_final
    assert issued.hold.ends <= now()
    assert not session.is_held


async def test_token_that_may_not_be_renewed_is_kept_to_its_end() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    issued = await session.issue(ROLE)
    vault.failures[Operation.RENEW_TOKEN] = PermissionDenied("no policy")

    await keep_alive(session, seconds=2401)

    assert issued.hold.is_final
    assert issued.hold.ends == pytest.approx(HOUR)
    assert session.is_held


async def test_vault_that_is_away_ends_no_token_before_its_time() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    issued = await session.issue(ROLE)
    vault.failures[Operation.RENEW_TOKEN] = ServerFailed("away")

    await keep_alive(session, seconds=3000)
    assert not issued.hold.is_final
    vault.failures.clear()
    await keep_alive(session, seconds=HOUR)

    assert session.is_held
    await issued.hold.renew_lease(lease_of(issued), increment=60)


async def test_lease_ends_with_its_token_and_that_is_told() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    issued = await session.issue(ROLE)
    vault.revoke_all()

    with pytest.raises(LeaseNotFound, match="the token that issued the lease"):
        await issued.hold.renew_lease(lease_of(issued), increment=60)

    assert issued.hold.ends <= now()


async def test_policy_that_forbids_to_renew_leases_leaves_token_and_lease() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    issued = await session.issue(ROLE)
    vault.failures[Operation.RENEW_LEASE] = PermissionDenied("no policy")

    with pytest.raises(PermissionDenied):
        await issued.hold.renew_lease(lease_of(issued), increment=60)

    assert session.is_held


async def test_credentials_that_were_withdrawn_end_no_lease() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    issued = await session.issue(ROLE)
    login.failure = CredentialsMissing("the Secret was deleted")

    with pytest.raises(CredentialsMissing):
        await session.reconsider()
    await keep_alive(session, seconds=10 * HOUR)

    await issued.hold.renew_lease(lease_of(issued), increment=60)


async def test_given_token_that_is_fetched_again_keeps_its_holders() -> None:
    vault = vault_with_a_secret()
    vault.ttl = 60
    vault.give("canary-given")
    clock = LoopClock()
    session = session_with(vault, login=Presented("canary-given"), clock=clock)
    issued = await session.issue(ROLE)
    vault.tokens["canary-given"].ends = now() + HOUR  # somebody else renewed it
    clock.suspended = 55  # so that it has to be fetched again

    await session.read(PATH)

    assert issued.hold.ends == pytest.approx(now() + 55 + HOUR, abs=1)
    assert session.is_held


async def test_what_something_hangs_on_is_not_given_back() -> None:
    vault = vault_with_a_secret()
    session = session_with(vault)
    issued = await session.issue(ROLE)

    await session.revoke()
    assert vault.calls[Operation.REVOKE_TOKEN] == 0
    issued.hold.release()
    await session.revoke()

    assert vault.calls[Operation.REVOKE_TOKEN] == 1
    assert vault.tokens == {}


async def test_last_renewal_prolongs_all_that_is_held_and_nothing_else() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    issued = await session.issue(ROLE)
    await change_credentials(session, login)
    await asyncio.sleep(1000)
    assert session.held_end == pytest.approx(HOUR)

    await session.prolong_held()

    assert vault.calls[Operation.RENEW_TOKEN] == 1
    assert session.held_end == issued.hold.ends == pytest.approx(1000 + HOUR)


async def test_readers_notice_nothing_of_tokens_that_come_to_their_longest_life() -> (
    None
):
    vault = VaultInMemory(stored={"secret/app": {"k": "v"}}, ttl=60, max_ttl=150)
    vault.delays[Operation.LOGIN] = 2
    session = session_with(vault)
    results: list[object] = []

    async def read() -> None:
        for _ in range(300):
            results.extend(await read_at_once(session, 1))
            await asyncio.sleep(3)

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        await asyncio.sleep(3)
        await keep_alive(session, seconds=900)

    assert results == [FOUND] * 300
    assert vault.logins == pytest.approx(900 / 150, abs=3)
    assert vault.calls[Operation.READ] == 300, "no call was denied and sent again"


async def test_rest_of_a_life_below_a_second_is_not_taken_for_endless() -> None:
    vault = vault_with_a_secret()
    vault.ttl, vault.max_ttl = 60, 40.5
    session = session_with(vault)
    await session.read(PATH)

    await keep_alive(session, seconds=40.1)

    assert session.ends is not None
    assert session.ends < float("inf")


async def test_nothing_is_issued_with_a_token_that_no_renewal_prolongs() -> None:
    vault = VaultInMemory(ttl=HOUR, max_ttl=1.5 * HOUR)
    session = session_with(vault)
    first = await session.issue(ROLE)
    await keep_alive(session, seconds=0.7 * HOUR)
    await keep_alive(session, seconds=1)
    assert first.hold.is_final

    second = await session.issue(ROLE)

    assert second.hold.client_id != first.hold.client_id
    assert vault.logins == 2


async def test_token_that_cannot_be_renewed_issues_for_half_of_its_life() -> None:
    vault = VaultInMemory(ttl=HOUR, renewable=False)
    session = session_with(vault)
    first = await session.issue(ROLE)
    await asyncio.sleep(0.4 * HOUR)
    second = await session.issue(ROLE)
    await asyncio.sleep(0.2 * HOUR)
    third = await session.issue(ROLE)

    assert first.hold.client_id == second.hold.client_id != third.hold.client_id
    assert vault.logins == 2


async def test_token_that_is_still_there_can_be_held_for_what_it_issued_before() -> (
    None
):
    session = session_with(VaultInMemory(ttl=HOUR))
    issued = await session.issue(ROLE)
    issued.hold.release()

    again = await session.hold(issued.hold.client_id, namespace=None)
    other = await session.hold("f" * 64, namespace=None)

    assert again is not None
    assert again.client_id == issued.hold.client_id
    assert session.is_held
    assert other is None


async def test_token_without_an_accessor_is_held_by_no_name() -> None:
    session = session_with(VaultInMemory(ttl=HOUR))

    assert await session.hold("", namespace=None) is None
    assert session.granted == HOUR
