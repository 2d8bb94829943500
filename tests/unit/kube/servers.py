"""Servers on loopback that answer as they are told and remember what they saw."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_PATIENCE = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str  # quoted, as on the wire
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    certificate: object = None  # the name in the client's, None without one

    @property
    def document(self) -> object:
        parsed: object = json.loads(self.body)
        return parsed


@dataclass
class ScriptedServer:
    """Gives its answers in order; the last one stays."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answers: deque[Handler] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(
        self, document: object, *, status: int = 200, **headers: str
    ) -> ScriptedServer:
        body = document if isinstance(document, bytes) else json.dumps(document)
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def handler(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers=named)

        self.answers.append(handler)
        return self

    def refuse(
        self, code: int, reason: str = "", message: str = "", **headers: str
    ) -> ScriptedServer:
        return self.answer(refusal(code, reason, message), status=code, **headers)

    def stream(
        self, *chunks: bytes, status: int = 200, until: asyncio.Event | None = None
    ) -> ScriptedServer:
        """Answer chunk by chunk, then end, or hold still `until` it is set."""

        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=status)
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
            if until is not None:
                await until.wait()
            return response

        self.answers.append(handler)
        return self

    async def wait_seen(self, count: int) -> list[Seen]:
        """Wait until `count` requests have arrived."""
        async with asyncio.timeout(_PATIENCE):
            while len(self.seen) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.seen

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(
            Seen(
                method=request.method,
                path=request.raw_path.partition("?")[0],
                query=dict(request.query),
                headers=dict(request.headers),
                body=await request.read(),
                certificate=_name_in(request.get_extra_info("peercert")),
            )
        )
        self._arrived.set()
        handler = self.answers[0]
        if len(self.answers) > 1:
            self.answers.popleft()
        return await handler(request)


def _name_in(certificate: dict[str, tuple[tuple[str, str], ...]] | None) -> object:
    names = certificate["subjectAltName"] if certificate else ()
    return names[0][1] if names else None


def refusal(code: int, reason: str = "", message: str = "") -> dict[str, object]:
    """The `Status` document of a refused call."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


@asynccontextmanager
async def scripted_server(
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        scheme = "http" if tls is None else "https"
        server.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(connection: Connection) -> AsyncIterator[str]:
    """Serve bytes as `connection` likes, and yield the address."""
    open_connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        try:
            await connection(reader, writer)
        finally:
            open_connections.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in open_connections:
            writer.close()


@dataclass
class Tunnels:
    """A proxy: opens tunnels, and answers what is no request for one by itself."""

    url: str = ""
    heads: list[str] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        writer.write(self.answer)
        if not head.startswith("CONNECT ") or b" 200 " not in self.answer:
            await writer.drain()
            return
        host, port = head.split()[1].split(":")
        onward = await asyncio.open_connection(host, int(port))
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass_on(reader, onward[1]))
            group.create_task(_pass_on(onward[0], writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def tunnels() -> AsyncIterator[Tunnels]:
    proxy = Tunnels()
    async with raw_server(proxy) as url:
        proxy.url = url
        yield proxy


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body; b"" when the peer closed instead."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)
