"""A scripted HTTP server on loopback that speaks bytes and remembers what it was asked.

It stands in for a Vault, or for whatever sits before one, where a real server cannot be
made to misbehave: it closes early, stays silent, compresses, redirects and lies.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

JSON = {"Content-Type": "application/json"}


class Misbehaviour(Enum):
    """What a server may do instead of answering."""

    CLOSE = "closes the connection without an answer"
    SILENCE = "never answers"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it was on the wire."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    connection: int  # which one of the server's, counted from 1
    head: str = ""  # all of it, as it came


@dataclass(frozen=True, slots=True)
class Says:
    """One answer. `length` is what Content-Length claims; None: the truth."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    length: int | None = None


Script = Callable[[Asked], Says | Misbehaviour]


def says_json(document: object, *, status: int = 200) -> Says:
    """Return an answer as Vault would give it."""
    return Says(status=status, body=json.dumps(document).encode())


class ScriptedServer:
    """See the module docstring. `script` may be replaced at any time."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _: Says())
        self.asked: list[Asked] = []
        self.connections = 0
        self._scheme = "http"
        self._port = 0
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def address(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def run(
        self, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[ScriptedServer]:
        """Listen for the length of the `async with` block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self._scheme = "http" if tls is None else "https"
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await self._hang_up()
            await server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._serving[task] = writer
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._converse(reader, writer, self.connections)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        del self._serving[task]

    async def _hang_up(self) -> None:
        for writer in self._serving.values():
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        while True:
            asked = await _read_request(reader, number)
            self.asked.append(asked)
            match self.script(asked):
                case Misbehaviour.CLOSE:
                    return
                case Misbehaviour.SILENCE:
                    await reader.read()  # until the client gives up
                    return
                case Says() as answer:
                    writer.write(_bytes_of(answer))
                    await writer.drain()
                    if answer.length is not None:
                        return


async def _read_request(reader: asyncio.StreamReader, number: int) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip(" \t")
        for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body, number, head)


def _bytes_of(answer: Says) -> bytes:
    length = len(answer.body) if answer.length is None else answer.length
    headers = dict(answer.headers) | {"Content-Length": str(length)}
    if answer.status == 204:
        del headers["Content-Length"]
    lines = [f"HTTP/1.1 {answer.status} Whatever"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
