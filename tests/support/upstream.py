"""What answers the requests that a proxy receives: the seam for fault rules.

An `Upstream` answers one question at a time. `HttpUpstream` asks a server; a fault
rule is an upstream around another one: it may wait before it asks, answer by
itself, change the answer's body as it passes, or raise `ConnectionCut`. What really
happens to a question is told to its `notes`.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tests.support.requestlog import RequestHead
from tests.support.tls import trust

_OURS_ALONE = frozenset(
    {
        "connection",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection (RFC 9110, 7.6.1), and Host, which names its end."""

_ADDED_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_NO_LIMIT = aiohttp.ClientTimeout(total=None)  # a watch may last


class ConnectionCut(Exception):
    """The answer will not come (to its end): the client's connection is to break."""


class Notes(Protocol):
    """Takes down what becomes of a question."""

    def forwarded(self) -> None:
        """The head of the question has left for the server; its body follows."""
        ...

    def answered(self, status: int) -> None:
        """The server's answer to what was forwarded last has begun."""
        ...

    def faulted(self, rule: str) -> None:
        """The rule of this name meddles with the question or its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it came. `body` None: it has none. A body can be read once."""

    head: RequestHead
    target: str  # path and query, as sent
    headers: Mapping[str, str]
    body: AsyncGenerator[bytes, None] | None
    notes: Notes

    async def read(self) -> bytes:
        """Read the body to its end."""
        if self.body is None:
            return b""
        return b"".join([chunk async for chunk in self.body])

    def again(self, content: bytes) -> Question:
        """Return the question with a body that was read before."""
        return self if self.body is None else replace(self, body=in_one_piece(content))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is still to come."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: AsyncGenerator[bytes, None]

    async def read(self) -> bytes:
        """Read the body to its end. Raises ConnectionCut."""
        return b"".join([chunk async for chunk in self.body])


async def in_one_piece(content: bytes) -> AsyncGenerator[bytes, None]:
    """Return a body that has arrived already."""
    yield content


class Upstream(Protocol):
    """Answers questions. Raises ConnectionCut, also out of the answer's body."""

    def ask(self, question: Question) -> AbstractAsyncContextManager[Answer]: ...


Ask = Callable[[Question], Awaitable[Answer]]
"""Puts a question to an upstream for whoever holds the answer open meanwhile."""


class HttpUpstream:
    """Asks a server, and adds and leaves out nothing but headers of the connection."""

    def __init__(self, *, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, ca_pem: str | None) -> AsyncIterator[HttpUpstream]:
        """Ask the server at `url` for the length of the `async with` block."""
        # One connection for each question: a pooled one may be dead by the time it
        # is used, which the client with its own fresh connection would never see.
        connector = aiohttp.TCPConnector(ssl=trust(ca_pem), limit=0, force_close=True)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=_NO_LIMIT,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            trace_configs=[_departures()],
        ) as http:
            # There is no public switch. A repeated question would be in no log, and
            # its body is already spent.
            http._retry_connection = False
            yield cls(url=url, http=http)

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        """Put the question to the server. Its body and the answer's flow at once."""
        response = await self._send(question)
        question.notes.answered(response.status)
        try:
            yield Answer(
                status=response.status,
                reason=response.reason or "",
                headers=_of_the_message(response.headers),
                body=_chunks(response),
            )
        finally:
            response.close()

    async def _send(self, question: Question) -> aiohttp.ClientResponse:
        try:
            return await self._http.request(
                question.head.method,
                URL(self._url + question.target, encoded=True),
                headers=_of_the_message(question.headers),
                data=question.body,
                allow_redirects=False,
                trace_request_ctx=question.notes,
            )
        except aiohttp.ClientError as error:
            raise ConnectionCut(f"the server did not answer: {error!r}") from error


def _departures() -> aiohttp.TraceConfig:
    async def left(
        _: aiohttp.ClientSession,
        context: SimpleNamespace,
        __: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        notes: Notes = context.trace_request_ctx
        notes.forwarded()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(left)
    return tracing


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except aiohttp.ClientError as error:
        raise ConnectionCut(f"the answer broke off: {error!r}") from error


def _of_the_message(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _OURS_ALONE
    )
