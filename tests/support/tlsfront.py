"""TLS before a plain server, with a certificate that can be replaced meanwhile.

Bytes pass as they are. What is presented changes for new connections; `hang_up` breaks
those there are, so that clients come back and look at it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from urllib.parse import urlsplit

import trustme

from tests.support.tls import LOOPBACK

_PIECE = 65_536  # bytes


class TlsFront:
    """A running front. Its clients use `address`."""

    def __init__(self, upstream: str) -> None:
        self.address = ""
        self._upstream = urlsplit(upstream)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._open: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def start(cls, upstream: str) -> AsyncIterator[TlsFront]:
        """Stand before the URL `upstream` for the length of the `async with` block."""
        front = cls(upstream)
        front.present(trustme.CA())
        server = await asyncio.start_server(
            front._relay, LOOPBACK, 0, ssl=front._context
        )
        front.address = f"https://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        try:
            yield front
        finally:
            server.close()
            front.hang_up()
            await server.wait_closed()

    def present(
        self,
        authority: trustme.CA,
        name: str = LOOPBACK,
        *,
        ends: datetime | None = None,
    ) -> None:
        """Present a new certificate of `authority` for `name` from now on."""
        leaf = authority.issue_cert(name, not_after=ends)
        leaf.configure_cert(self._context)

    def hang_up(self) -> None:
        """Break all connections."""
        for writer in self._open:
            writer.transport.abort()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, port = self._upstream.hostname, self._upstream.port
        behind, ahead = await asyncio.open_connection(host, port)
        self._open |= {writer, ahead}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, ahead))
                group.create_task(_pass_on(behind, writer))
        finally:
            self._open -= {writer, ahead}
            for each in (writer, ahead):
                each.transport.abort()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
    sink.transport.abort()
