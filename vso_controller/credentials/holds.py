"""What consumers keep of the tokens that issued something to them.

Who holds a token is woken when it becomes known when that ends: what hangs on it can
be replaced by then. A token is held over the client that it was used with, which stays
open for it though an edit of the VaultConnection has replaced it: no token is ever sent
to another server.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from vso_controller.credentials.connection import Connection
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession
from vso_controller.vault.tenure import TokenHold

K = TypeVar("K")

Wake = Callable[[ObjectKey], None]
"""Has a consumer looked at soon."""


class LeaseHold:
    """The hold of one consumer on the token that a lease of its hangs on."""

    def __init__(
        self,
        *,
        consumer: ObjectKey,
        token: TokenHold,
        connection: Connection,
        tell: Callable[[], None],
        kept: AsyncExitStack,
    ) -> None:
        self.consumer = consumer
        self._token = token
        self._connection = connection
        self._tell = tell
        self._kept = kept  # let go of at the end
        self._told = self._known_end()

    @property
    def client_id(self) -> str:
        """By which statuses know the token; "" for one without an accessor."""
        return self._token.client_id

    @property
    def ends(self) -> float:
        """When the token ends, by its last renewal: boot clock, infinite for never."""
        return self._token.ends

    @property
    def ttl(self) -> float:
        """Seconds of life that the token was last given; 0: it has no end."""
        return self._token.ttl

    @property
    def is_final(self) -> bool:
        """Whether `ends` moves no more, but for a revocation."""
        return self._token.is_final

    async def renew_lease(self, lease_id: str, *, increment: int) -> VaultReply:
        """Ask for `increment` seconds more of a lease that hangs on the token.

        Raises LeaseNotFound if lease or token is no more, Parked without a turn.
        """
        try:
            # The turn of the consumer: it is the one to wake when there is one.
            with self._connection.turn(self.consumer, Priority.READ):
                return await self._token.renew_lease(lease_id, increment=increment)
        finally:
            self._tell()

    async def revoke_lease(
        self, lease_id: str, *, fence: Callable[[], None] | None = None
    ) -> None:
        """End a lease that hangs on the token. Raises Parked without a turn.

        It needs no VaultAuth: that may be deleted together with the consumer.
        """
        with self._connection.turn(self.consumer, Priority.READ):
            await self._token.revoke_lease(lease_id, fence=fence)

    async def release(self) -> None:
        """Let go of the token: nothing hangs on it any more. Twice is as once."""
        await self._kept.aclose()

    def has_news(self) -> bool:
        """Whether the end became known, or another, since this was last asked."""
        before, self._told = self._told, self._known_end()
        return self._told is not None and self._told != before

    def _known_end(self) -> float | None:
        return self._token.ends if self._token.is_final else None


@dataclass(frozen=True, slots=True)
class IssuedTo:
    """What Vault issued to a consumer, and its hold on what that hangs on."""

    reply: VaultReply
    hold: LeaseHold


class Holds:
    """All holds there are, by consumer and by session."""

    def __init__(self, *, wake: Wake) -> None:
        self._wake = wake
        self._of_consumers: dict[ObjectKey, list[LeaseHold]] = {}
        self._of_sessions: dict[VaultSession, list[LeaseHold]] = {}

    def add(
        self,
        consumer: ObjectKey,
        token: TokenHold,
        *,
        session: VaultSession,
        connection: Connection,
        kept: AsyncExitStack,
    ) -> LeaseHold:
        """Return the hold of `consumer`; its release lets go of what `kept` keeps."""
        hold = LeaseHold(
            consumer=consumer,
            token=token,
            connection=connection,
            tell=lambda: self.tell(session),
            kept=kept,
        )
        self._of_consumers.setdefault(consumer, []).append(hold)
        self._of_sessions.setdefault(session, []).append(hold)
        kept.callback(_remove, self._of_consumers, consumer, hold)
        kept.callback(_remove, self._of_sessions, session, hold)
        return hold

    def of(self, consumer: ObjectKey) -> tuple[LeaseHold, ...]:
        """Return the holds of a consumer, the oldest first."""
        return tuple(self._of_consumers.get(consumer, ()))

    def tell(self, session: VaultSession) -> None:
        """Wake who holds a token of `session` of whose end there is news."""
        for hold in tuple(self._of_sessions.get(session, ())):
            if hold.has_news():
                self._wake(hold.consumer)

    async def release_all(self) -> None:
        """Release every hold."""
        for holds in tuple(self._of_consumers.values()):
            for hold in tuple(holds):
                await hold.release()


def _remove(holds: dict[K, list[LeaseHold]], key: K, hold: LeaseHold) -> None:
    holds[key].remove(hold)
    if not holds[key]:
        del holds[key]
