"""Sessions for tests, and many callers at once."""

from __future__ import annotations

import asyncio
from random import Random

from tests.fakes.vault_transport import LoginLog, LoopClock, RoleLogin, VaultInMemory
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.ports import LoginMethod, Transport
from vso_controller.vault.session import VaultSession

PATH = ("secret", "app")
FOUND = Secret({"data": {"k": "v"}})


def vault_with_a_secret() -> VaultInMemory:
    return VaultInMemory(stored={"secret/app": {"k": "v"}})


def session_with(
    vault: Transport,
    *,
    login: LoginMethod | None = None,
    observer: LoginLog | None = None,
    clock: LoopClock | None = None,
    namespace: str = "",
) -> VaultSession:
    return VaultSession(
        transport=vault,
        login=login or RoleLogin(),
        clock=clock or LoopClock(),
        random=Random(7),  # noqa: S311 - spreads rests, keeps no secret
        observer=observer or LoginLog(),
        namespace=namespace,
    )


async def read_at_once(session: VaultSession, times: int) -> list[object]:
    """Read `times` times at once; return documents and failures."""

    async def read() -> object:
        try:
            return (await session.read(PATH)).document
        except OperationFailed as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read()) for _ in range(times)]
    return [task.result() for task in tasks]
