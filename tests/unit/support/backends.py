"""An in-process server behind a proxy, and a client before it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.support.conditions import NotYet, eventually
from tests.support.proxy import RecordingProxy
from tests.support.requestlog import BodySeen, Exchange
from tests.support.tls import trust

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Backend:
    """A server whose behaviour each test sets, and what the last request was."""

    handler: Handler | None = None
    seen: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""
    ca_pem: str = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request)
        if self.handler is not None:
            return await self.handler(request)
        self.bodies.append(await request.read())
        return web.json_response({"kind": "Secret"}, status=201)


@asynccontextmanager
async def connected(proxy: RecordingProxy) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=trust(proxy.ca_pem))
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": "vso-controller/1"},
        auto_decompress=False,
    ) as client:
        client._retry_connection = False  # a test counts the requests it makes
        yield client


async def is_silent(answer: aiohttp.ClientResponse, *, seconds: float = 0.05) -> bool:
    """Whether nothing more of an answer comes for a while, nor its end."""
    try:
        async with asyncio.timeout(seconds):
            await answer.content.readany()
    except TimeoutError:
        return True
    return False


async def received(answer: aiohttp.ClientResponse, into: bytearray) -> None:
    """Read an answer to its end, however that comes."""
    async for chunk in answer.content.iter_any():
        into += chunk


async def only_ended(proxy: RecordingProxy) -> Exchange:
    """Return the one exchange once it is over, which is after the client knows it."""

    async def probe() -> Exchange:
        (exchange,) = proxy.recorder.requests
        if exchange.duration is None:
            raise NotYet("it is still running")
        return exchange

    return await eventually(probe, within=5)


def seen_body(content: bytes) -> BodySeen:
    return BodySeen(size=len(content), sha256=hashlib.sha256(content).hexdigest())
