"""Reads what this identity wrote, though other nodes of the cluster lag behind.

A server that has such a thing answers a write with an index. Sent along, it keeps a
node that is behind from answering with older state: that one says 412, and has done
nothing, so any call can be sent again. Servers that give no index are sent none.
Source: "Vault Enterprise eventual consistency" of Vault's documentation.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from vso_controller.foundation.clock import Clock
from vso_controller.vault.errors import IndexNotReady
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import VaultReply, VaultRequest

RESTS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the attempts of one call; a node is seldom so far behind."""

NEVER = 60.0
"""Seconds after which no node is thought to get there any more.

A cluster that was restored from a backup does not.
"""


class ConsistentTransport:
    """A Transport that waits a little for a node to catch up.

    Raises IndexNotReady when it took longer; the next call asks anew.
    """

    def __init__(self, transport: Transport, *, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._index = ""  # of the last write whose answer came
        self._refused_since: float | None = None  # None: the last call was not

    async def request(self, request: VaultRequest) -> VaultReply:
        for rest in RESTS:
            try:
                return await self._send(request)
            except IndexNotReady:
                await asyncio.sleep(rest)
        return await self._send(request)

    async def _send(self, request: VaultRequest) -> VaultReply:
        index = request.index or self._index
        try:
            reply = await self._transport.request(replace(request, index=index))
        except IndexNotReady:
            self._doubt()
            raise
        self._index = reply.index or self._index
        self._refused_since = None
        return reply

    def _doubt(self) -> None:
        now = self._clock.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since >= NEVER:
            self._index, self._refused_since = "", None
