"""Questions, and the answers that tests give to them."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.fakes.vault_transport import LoginLog, LoopClock, RoleLogin, VaultInMemory
from tests.unit.runtime.virtual import seeded
from vso_controller.credentials.answers import Answer, Question
from vso_controller.foundation.objects import ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession

CONNECTION = ObjectKey("apps", "vault")


def session_of(vault: VaultInMemory | None = None) -> VaultSession:
    """Return a session of an identity of its own."""
    return VaultSession(
        transport=vault or VaultInMemory(),
        login=RoleLogin(),
        clock=LoopClock(),
        random=seeded(1),
        observer=LoginLog(),
    )


def question_of(session: VaultSession, path: str = "app", **query: str) -> Question:
    """Return the question for a path."""
    return Question(CONNECTION, session, "", (path,), frozenset(query.items()))


def reply(value: object = "value", *, size: int = 0) -> VaultReply:
    """Return what Vault says of something stored."""
    return VaultReply(status=200, document=Secret({"data": value}), size=size)


def answer(*, size: int = 0, asked_at: float = 0) -> Answer:
    """Return a reply that was asked for then."""
    return Answer(reply(size=size), asked_at)


class ReadCount:
    """What shared reads told their observer."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()

    def vault_read(self, connection: ObjectKey, *, answered: str) -> None:
        self.answered[str(answered)] += 1


async def until(moment: float) -> None:
    """Wait for this time on the loop's clock."""
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
