"""How aiohttp is used: it repeats nothing, keeps no cookie, takes no endless answer.

What a request is, and what its answer means, is for `vault.client`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

LONGEST_BODY = 8 * 1024 * 1024
"""Bytes of an answer, counted after decompression."""


@dataclass(slots=True)
class Departure:
    """The way out of one request: the `trace_request_ctx` of each one."""

    fence: Callable[[], None] | None = None  # what it raises keeps the request here
    left: bool = False  # True before the first byte leaves

    def begin(self) -> None:
        """Let the request leave, or raise what its fence raises."""
        if self.fence is not None:
            self.fence()
        self.left = True


class BodyTooLong(Exception):
    """The answer has more bytes than we take."""


def new_session(
    *,
    tls: ssl.SSLContext,
    resolver: AbstractResolver | None,
    proxy: URL | None,
    connect_timeout: float,
) -> aiohttp.ClientSession:
    """Return connections to one server, for the running loop; seconds to connect."""
    return aiohttp.ClientSession(
        # No limit: how many calls run at once is decided where they are made.
        connector=aiohttp.TCPConnector(ssl=tls, limit=0, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout),
        middlewares=(_never_repeat,),
        trace_configs=[_departures()],
        proxy=proxy,
    )


async def read_bounded(response: aiohttp.ClientResponse) -> bytes:
    """Return the body. Raises BodyTooLong, and drops the connection then."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LONGEST_BODY:
            response.close()
            raise BodyTooLong
    return bytes(body)


async def _never_repeat(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send once: aiohttp repeats GET and PUT after the two errors caught here."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError from error


def _departures() -> aiohttp.TraceConfig:
    """Have each departure begin right before the first byte is written."""

    async def note(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        context.trace_request_ctx.begin()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note)
    return trace
