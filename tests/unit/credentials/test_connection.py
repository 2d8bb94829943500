from __future__ import annotations

import pytest

from tests.unit.reconcilers.world import FakeVault, World
from vso_controller.credentials.connection import Connection
from vso_controller.foundation.errors import Parked
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import ServerUnreachable
from vso_controller.vault.requests import Method, Operation, VaultRequest

ENVELOPE = Envelope(ObjectKey("apps", "vault"), "uid", "1", 1)
LOGIN = VaultRequest(
    operation=Operation.LOGIN,
    method=Method.PUT,
    path=("auth", "kubernetes", "login"),
    repeatable=False,
)


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


@pytest.fixture
def connection(vault: FakeVault) -> Connection:
    bulkhead = World().make_bulkhead(ENVELOPE.key)
    return Connection(
        envelope=ENVELOPE, ca_fingerprint="", client=vault, bulkhead=bulkhead
    )


async def test_client_that_nobody_uses_is_closed_at_once(
    connection: Connection, vault: FakeVault
) -> None:
    async with connection.in_use():
        pass
    assert vault.closed == 0, "it was not replaced"

    await connection.retire()

    assert vault.closed == 1
    assert connection.is_retired


async def test_client_in_use_is_closed_by_the_last_one_who_leaves(
    connection: Connection, vault: FakeVault
) -> None:
    async with connection.in_use():
        async with connection.in_use():
            await connection.retire()
        assert vault.closed == 0

    assert vault.closed == 1


async def test_client_is_closed_once(connection: Connection, vault: FakeVault) -> None:
    await connection.retire()
    await connection.retire()
    async with connection.in_use():
        pass

    assert vault.closed == 1


async def test_user_that_fails_leaves_too(
    connection: Connection, vault: FakeVault
) -> None:
    async def fail() -> None:
        async with connection.in_use():
            await connection.retire()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert vault.closed == 1


async def test_breaker_is_for_the_client_in_use_alone(connection: Connection) -> None:
    connection.bulkhead.shut(ServerUnreachable("away"))
    with pytest.raises(Parked), connection.turn(ENVELOPE.key, Priority.READ):
        pass
    with pytest.raises(Parked):
        await connection.request(LOGIN)

    async with connection.in_use():
        await connection.retire()
        with connection.turn(ENVELOPE.key, Priority.READ):
            reply = await connection.request(LOGIN)

    assert reply.status == 200, "nobody would probe its server"
