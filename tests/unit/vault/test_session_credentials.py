"""Sessions whose credentials change, or are a token that somebody else has made."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.vault_transport import (
    LoginLog,
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
from vso_controller.foundation.errors import Gone, Transient
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import (
    CredentialsMissing,
    LoginRefused,
    NotVaultAnswer,
    PermissionDenied,
    ServerSealed,
)
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest
from vso_controller.vault.session import VaultSession

pytestmark = pytest.mark.looptime

TOKEN = "canary-given"


def holding(vault: VaultInMemory, token: str = TOKEN) -> VaultSession:
    return session_with(vault, login=Presented(token))


async def keep_alive(session: VaultSession, *, seconds: float) -> None:
    """Renew whenever it is due."""
    now = asyncio.get_running_loop().time
    until = now() + seconds
    while session.next_renewal is not None and session.next_renewal < until:
        await asyncio.sleep(session.next_renewal - now())
        await session.renew()


async def test_session_that_never_logged_in_has_nothing_to_reconsider() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)

    assert await session.reconsider() is False

    assert (vault.logins, login.fetched) == (0, 0)


async def test_equal_credentials_keep_the_token() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    await session.read(PATH)

    assert await session.reconsider() is False

    assert (vault.logins, login.fetched) == (1, 2)


async def test_other_credentials_bring_another_token() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    await session.read(PATH)
    before = session.client_id
    login.jwt = "canary-other"

    assert await session.reconsider() is True

    assert vault.logins == 2
    assert session.client_id != before


async def test_login_that_failed_may_be_tried_at_once_with_what_changed() -> None:
    vault, login = vault_with_a_secret(), RoleLogin(failure=Gone("no Secret"))
    session = session_with(vault, login=login)
    await read_at_once(session, 1)
    login.failure = None
    assert isinstance((await read_at_once(session, 1))[0], CredentialsMissing)

    assert await session.reconsider() is True

    assert await read_at_once(session, 1) == [FOUND]


async def test_credentials_that_were_withdrawn_end_the_session() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    await session.read(PATH)
    login.failure = Gone("the Secret was deleted")

    with pytest.raises(CredentialsMissing):
        await session.reconsider()

    assert isinstance((await read_at_once(session, 1))[0], CredentialsMissing)
    assert vault.calls[Operation.READ] == 1


async def test_credentials_that_vault_refuses_end_the_session() -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    await session.read(PATH)
    login.jwt = "canary-wrong"
    vault.failures[Operation.LOGIN] = PermissionDenied("no")

    with pytest.raises(LoginRefused):
        await session.reconsider()
    await read_at_once(session, 1000)

    assert vault.logins == 2, "the refused login rests"
    assert session.client_id == ""


@pytest.mark.parametrize("away", ["kubernetes", "vault"])
async def test_what_passes_keeps_the_token(away: str) -> None:
    vault, login = vault_with_a_secret(), RoleLogin()
    session = session_with(vault, login=login)
    await session.read(PATH)
    login.jwt = "canary-other"
    if away == "kubernetes":
        login.failure = Transient("no API server")
    else:
        vault.failures[Operation.LOGIN] = ServerSealed("sealed")

    with pytest.raises(Transient):
        await session.reconsider()

    assert await read_at_once(session, 1) == [FOUND]


async def test_given_token_is_looked_up_once_and_used() -> None:
    vault = vault_with_a_secret()
    vault.give(TOKEN)
    session = holding(vault)

    results = await read_at_once(session, 1000)

    assert results == [FOUND] * 1000
    assert vault.calls == {Operation.LOOKUP_TOKEN: 1, Operation.READ: 1000}


async def test_given_token_is_renewed_while_that_prolongs_its_life() -> None:
    vault = vault_with_a_secret()
    vault.ttl = 60
    vault.give(TOKEN)
    session = holding(vault)
    await session.read(PATH)

    await keep_alive(session, seconds=3600)

    assert await read_at_once(session, 1) == [FOUND]
    assert vault.calls[Operation.LOOKUP_TOKEN] == 1


async def test_given_token_near_its_longest_life_is_left_alone_until_it_ends() -> None:
    vault = vault_with_a_secret()
    vault.ttl, vault.max_ttl = 60, 100
    vault.give(TOKEN)
    session = holding(vault)
    await session.read(PATH)

    await keep_alive(session, seconds=3600)
    await asyncio.sleep(100)

    assert vault.calls[Operation.RENEW_TOKEN] <= 3
    assert vault.calls[Operation.LOOKUP_TOKEN] == 2
    assert isinstance((await read_at_once(session, 1))[0], LoginRefused)


async def test_given_token_without_an_end_is_never_due() -> None:
    vault = vault_with_a_secret()
    vault.ttl = 0
    vault.give(TOKEN)
    session = holding(vault)

    await session.read(PATH)

    assert session.next_renewal is None
    assert session.ends == float("inf")


async def test_given_token_in_its_last_second_is_not_taken_for_endless() -> None:
    vault = vault_with_a_secret()
    vault.ttl = 0.9
    vault.give(TOKEN)
    session = holding(vault)

    await session.read(PATH)

    assert session.ends is not None
    assert session.ends < asyncio.get_running_loop().time() + 1


async def test_given_token_is_fetched_anew_when_it_is_refused() -> None:
    vault, login = vault_with_a_secret(), Presented(TOKEN)
    vault.give(TOKEN)
    session = session_with(vault, login=login)
    await session.read(PATH)
    vault.revoke_all()
    vault.give("canary-next")

    login.value = "canary-next"
    results = await read_at_once(session, 100)

    assert results == [FOUND] * 100
    assert vault.calls[Operation.LOOKUP_TOKEN] == 3, "of the dead one: when used, no"


async def test_dead_given_token_is_looked_up_ever_more_rarely() -> None:
    vault = vault_with_a_secret()
    session = holding(vault)

    for _ in range(600):
        (result,) = await read_at_once(session, 1)
        assert isinstance(result, LoginRefused)
        await asyncio.sleep(1)

    assert vault.calls[Operation.LOOKUP_TOKEN] < 20
    assert vault.calls[Operation.READ] == 0


async def test_given_token_is_not_ours_to_revoke() -> None:
    vault = vault_with_a_secret()
    vault.give(TOKEN)
    session = holding(vault)
    await session.read(PATH)

    await session.revoke()

    assert TOKEN in vault.tokens
    assert vault.calls[Operation.REVOKE_TOKEN] == 0


async def test_lookup_that_tells_of_no_token_is_no_login() -> None:
    class Odd:
        async def request(self, request: VaultRequest) -> VaultReply:
            return VaultReply(200, Secret({"data": {"ttl": "canary"}}))

    session = session_with(Odd(), login=Presented(TOKEN))

    with pytest.raises(NotVaultAnswer) as failed:
        await session.read(PATH)

    assert "canary" not in f"{failed.value} {failed.value.__cause__}"


async def test_every_login_is_told_by_its_outcome() -> None:
    vault, told = vault_with_a_secret(), LoginLog()
    session = session_with(vault, observer=told)
    await session.read(PATH)
    vault.revoke_all()
    vault.failures[Operation.LOGIN] = PermissionDenied("no")

    await read_at_once(session, 100)

    assert told.outcomes == ["Succeeded", "LoginRefused"]
