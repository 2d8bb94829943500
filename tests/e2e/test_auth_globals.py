"""Stories of VaultAuths that inherit, and of what is told of logins."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.team import Team
from tests.e2e.world import World
from tests.support.faults import Rule
from tests.support.faults_requests import Reset

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(loop_scope="session")
async def owner(world: World) -> AsyncIterator[Team]:
    """Another team, which has a VaultAuthGlobal to share."""
    owner = await world.team()
    yield owner
    await owner.remove()


async def test_auth_without_a_word_of_its_own_inherits_all(
    team: Team, owner: Team
) -> None:
    await owner.share(allowedNamespaces=[team.namespace])
    await team.inherit(owner.namespace)
    await team.put(password="s3cret")
    await team.sync()

    await team.wait_ready()
    await team.wait_value("password", b"s3cret")
    told = await team.wait_condition(
        "True",
        "VaultAuthGlobalRef",
        kind="VaultAuth",
        name="auth",
        condition="Available",
    )
    assert told.startswith(f"VaultAuthGlobal {owner.namespace}/global, uid ")
    await owner.wait_condition("True", "Ready", kind="VaultAuthGlobal", name="global")
    written = await team.world.admin.get(team.named("VaultAuth", "auth"))
    assert written is not None
    assert set(written["spec"]) == {"vaultAuthGlobalRef"}, "nothing is written into it"


async def test_edit_of_a_global_reaches_those_who_inherit(
    team: Team, owner: Team
) -> None:
    await owner.share(allowedNamespaces=["*"])
    await team.inherit(owner.namespace)
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()

    await owner.share(
        allowedNamespaces=["*"],
        kubernetes={"role": "no-such-role", "serviceAccount": "app-sa"},
    )
    told = await team.wait_condition("False", "Unhealthy", condition="Healthy")
    assert "no-such-role" in told
    told = await wait_login(team, "False", "VaultLoginFailed")
    assert told.startswith(f"namespace {team.namespace}: ")

    await owner.share(allowedNamespaces=["*"])
    await team.wait_condition("True", "Healthy", condition="Healthy")
    await wait_login(team, "True", "LoginSucceeded")
    await team.wait_value("password", b"s3cret")


async def test_global_that_does_not_admit_a_namespace_is_not_inherited(
    team: Team, owner: Team
) -> None:
    await owner.share(allowedNamespaces=["somebody-else"])
    await team.inherit(owner.namespace)
    await team.put(password="s3cret")
    await team.sync()

    told = await team.wait_condition("False", "VaultAuthGlobalNotAllowed")
    assert f"does not allow namespace {team.namespace}" in told
    await team.wait_condition(
        "False", "VaultAuthGlobalNotAllowed", kind="VaultAuth", name="auth"
    )
    assert await team.secret() is None

    await owner.share(allowedNamespaces=["somebody-else", team.namespace])
    await team.wait_ready()


async def test_missing_global_is_told_and_found(team: Team) -> None:
    await team.inherit(team.namespace)
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_condition("False", "VaultAuthGlobalNotFound")

    await team.share()

    await team.wait_ready()


async def test_what_an_auth_says_wins_over_what_it_inherits(team: Team) -> None:
    await team.share(kubernetes={"role": "no-such-role", "serviceAccount": "nobody"})
    await team.authenticate(
        vaultAuthGlobalRef={"name": "global", "namespace": team.namespace}
    )
    await team.put(password="s3cret")
    await team.sync()

    await team.wait_ready()


async def test_connection_of_another_namespace_is_not_used_unless_it_is_shared(
    team: Team, owner: Team
) -> None:
    await team.put(password="s3cret")
    await team.authenticate(vaultConnectionRef=f"{owner.namespace}/vault")
    await team.sync()

    told = await team.wait_condition("False", "VaultConnectionNotAllowed")
    assert "--shared-namespaces" in told

    await team.authenticate()
    await team.wait_ready()


async def test_first_login_by_an_auth_is_told(team: Team) -> None:
    await wait_login(team, "Unknown", "NoLoginYet")

    await team.put(password="s3cret")
    await team.sync()

    await wait_login(team, "True", "LoginSucceeded")


async def test_connection_that_was_valid_tells_of_an_outage_and_of_its_end(
    team: Team,
) -> None:
    await team.put(password="s3cret")
    await team.sync()
    await team.wait_ready()
    await wait_connection(team, "True", "Ready")
    outage = Rule(do=Reset())

    with team.world.vault_proxy.faults.active(outage):
        await wait_connection(team, "False", "VaultUnreachable")
        assert await is_valid(team) is False

    await wait_connection(team, "True", "Ready")
    assert await is_valid(team) is True


async def wait_login(team: Team, status: str, reason: str) -> str:
    """Wait until this is what the VaultAuth tells of logins; return the message."""
    return await team.wait_condition(
        status, reason, kind="VaultAuth", name="auth", condition="LoginSucceeded"
    )


async def wait_connection(team: Team, status: str, reason: str) -> None:
    """Wait until the VaultConnection is ready, or is not for this reason."""
    await team.wait_condition(status, reason, kind="VaultConnection", name="vault")


async def is_valid(team: Team) -> object:
    """Return what the VaultConnection says of being valid."""
    found = await team.world.admin.get(team.named("VaultConnection", "vault"))
    assert found is not None
    return found["status"]["valid"]
