"""One client of Vault, what it was made from, and who uses it still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from vso_controller.credentials.bulkhead import Bulkhead
from vso_controller.credentials.files import FileVersion
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import VaultReply, VaultRequest


class Client(Transport, Protocol):
    """Carries calls to one Vault until it is closed. `VaultClient` is one."""

    async def close(self) -> None:
        """Close all connections."""
        ...


class Connection:
    """A client for a VaultConnection in one generation, with one CA: a Transport.

    A client that was replaced is closed when the last one who uses it is done, so
    an edit of the VaultConnection fails no call that is under way, nor ends a token
    on which something hangs. Nobody probes its server any more, so it has no breaker
    and no line: the few who still use it ask it when they must.
    """

    def __init__(
        self,
        *,
        envelope: Envelope,
        ca_fingerprint: str,
        client: Client,
        ca_file: FileVersion | None = None,
        bulkhead: Bulkhead,
    ) -> None:
        self.key: ObjectKey = envelope.key
        self.uid = envelope.uid
        self.generation = envelope.generation
        self.ca_fingerprint = ca_fingerprint  # "" without a CA of its own
        self.ca_file = ca_file  # as it was last read; None: its CA is in no file
        self.client = client
        self.bulkhead = bulkhead  # that of the VaultConnection, whatever its client
        self._guarded = bulkhead.guard(client)
        # Whether the CA is taken to be what it was when the client was made.
        self.is_trusted = True
        self._users = 0
        self._retired = False
        self._closed = False

    @property
    def is_retired(self) -> bool:
        """Whether nobody shall begin to use it any more."""
        return self._retired

    def is_current(self, envelope: Envelope) -> bool:
        """Whether it fits the VaultConnection, as far as that is known for free."""
        return self.is_trusted and self.is_made_from(envelope, self.ca_fingerprint)

    def is_made_from(self, envelope: Envelope, ca_fingerprint: str) -> bool:
        """Whether a new client would be the same as this one."""
        made_from = (self.uid, self.generation, self.ca_fingerprint)
        return made_from == (envelope.uid, envelope.generation, ca_fingerprint)

    async def request(self, request: VaultRequest) -> VaultReply:
        """Send `request`. Raises Parked while Vault is not asked anything."""
        via = self.client if self._retired else self._guarded
        return await via.request(request)

    @contextmanager
    def turn(self, key: ObjectKey, priority: Priority) -> Iterator[None]:
        """Have a turn to ask for the length of the block. Raises Parked without one."""
        if self._retired:
            yield
            return
        with self.bulkhead.turn(key, priority):
            yield

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[Client]:
        """Keep the client from being closed for the length of the block."""
        self._users += 1
        try:
            yield self.client
        finally:
            self._users -= 1
            await self._close_if_done()

    async def retire(self) -> None:
        """Close the client as soon as nobody uses it."""
        self._retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._retired and not self._users and not self._closed:
            self._closed = True
            await self.client.close()
