"""Reads what this identity wrote, though other nodes of the cluster lag behind.

A server that has such a thing answers a write with an index. Sent along, it keeps a
node that is behind from answering with older state: that one says 412, and has done
nothing, so any call can be sent again. Servers that give no index are sent none.
Source: "Vault Enterprise eventual consistency" of Vault's documentation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from vso_controller.vault.errors import IndexNotReady
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import VaultReply, VaultRequest

RESTS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between attempts of one call; a node is seldom so far behind."""


class ConsistentTransport:
    """A Transport that waits a little for a node to catch up."""

    def __init__(self, transport: Transport, *, rests: Sequence[float] = RESTS) -> None:
        self._transport = transport
        self._rests = rests
        self._index = ""  # of the last write whose answer came

    async def request(self, request: VaultRequest) -> VaultReply:
        for rest in self._rests:
            try:
                return await self._send(request)
            except IndexNotReady:
                await asyncio.sleep(rest)
        try:
            return await self._send(request)
        except IndexNotReady:
            # A cluster that was restored from a backup never gets there.
            self._index = ""
            raise

    async def _send(self, request: VaultRequest) -> VaultReply:
        reply = await self._transport.request(replace(request, index=self._index))
        self._index = reply.index or self._index
        return reply
