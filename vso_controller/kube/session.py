"""How a call reaches the API server, and what is true when it fails.

An `ApiSession` is a pool of connections for one purpose (reads and watches,
fenced writes, leader election), so that no purpose waits for another. It
promises:

* each call is sent once. aiohttp's own repetition of GET and PUT after a dropped
  connection is off; only a 401 makes us re-read the credentials and ask again;
* all that goes wrong arrives as an error of `errors.py`, never as the library's;
* the gate is asked about each write: at once, so that what may not leave takes no
  connection, and in the same turn of the loop as the bytes leave, so that a call which
  waited for the pool, or in a loop that stood still, is refused if leadership was lost
  meanwhile;
* every call has a deadline, every connection attempt a shorter one;
* cookies, compression, redirects and all proxies but that of the settings stay out
  of it.

Credentials are the business of `credentials.py`, paths of `calls.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from io import BytesIO
from typing import Protocol, TypedDict

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.kube.calls import MEBIBYTE, Call
from vso_controller.kube.config import ConnectionSettings
from vso_controller.kube.errors import AnswerLost, ConnectionFailed
from vso_controller.kube.lines import lines_of
from vso_controller.kube.statuses import Status, failure, read_status, shorten

USER_AGENT = f"vso-controller/{version('vso-controller')}"
CONNECT_TIMEOUT = 5.0  # seconds for TCP and TLS together
_LARGEST_STATUS = MEBIBYTE  # bytes; it may list every fault of an object
# Less than the 90 s after which an API server closes an idle connection, so that
# a call seldom meets one that is just being closed.
_KEEPALIVE = 30.0


class Gate(Protocol):
    """Says whether this process may still write."""

    def check(self, write: Call) -> None:
        """Raise if it may not."""
        ...


_AGAIN = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
"""For which aiohttp sends some requests again."""


class _Dropped(aiohttp.ClientError):
    """A dropped connection under a name for which aiohttp repeats nothing."""


class _Departure:
    """The way of one call to the wire: asks the gate, and knows if bytes left.

    It is the call's middleware, to see the request that aiohttp built, to keep
    dropped connections from aiohttp's own repetition, and to tell a refusal of the
    gate from a failure to send.
    """

    def __init__(self, call: Call, gate: Gate | None) -> None:
        self._call = call
        self._gate = gate if call.is_write else None
        self._refusal: OperationFailed | None = None
        self.left = False

    def body(self) -> _GatedBody | None:
        """Return what the call sends, to be sent by this way alone."""
        # As a file, since aiohttp warns of bytes beyond a mebibyte.
        body = self._call.body
        return None if body is None else _GatedBody(BytesIO(body), departure=self)

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        self.left = False
        if not isinstance(request, _GatedRequest):
            raise TypeError("the session was not opened with the gated request")
        request.departure = self
        try:
            return await handler(request)
        except aiohttp.ClientConnectionError as error:
            if self._refusal is not None:
                raise self._refusal from None
            if isinstance(error, _AGAIN):
                raise _Dropped(str(error)) from error
            raise

    def leave(self) -> None:
        """Pass the gate, right before the first byte is written."""
        try:
            self.ask()
        except OperationFailed as refusal:
            self._refusal = refusal
            raise
        self.left = True

    def ask(self) -> None:
        """Raise what the gate raises, if it does not let the call out."""
        if self._gate is not None:
            self._gate.check(self._call)


class _GatedBody(aiohttp.BytesIOPayload):
    """A body that passes the departure of its call.

    aiohttp writes a body in a turn of its own, and keeps the headers back for it. What
    the gate raises arrives as a failure of the connection, which ends it.
    """

    def __init__(self, value: BytesIO, *, departure: _Departure) -> None:
        super().__init__(value)
        self._departure = departure

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        self._departure.leave()
        await super().write_with_length(writer, content_length)


class _GatedRequest(aiohttp.ClientRequest):
    """A request that passes its departure once it holds a connection."""

    departure: _Departure | None = None

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if self.departure is None:
            raise TypeError("a request of this session must have a departure")
        if not isinstance(self.body, _GatedBody):
            self.departure.leave()
        return await super().send(conn)


@asynccontextmanager
async def open_session(
    *, settings: ConnectionSettings, gate: Gate | None = None, connections: int = 16
) -> AsyncIterator[ApiSession]:
    """Open a pool of at most `connections`, each watch takes one while it lasts.

    With a `gate`, every write of the session is fenced by it.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEPALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        request_class=_GatedRequest,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        trust_env=False,
    ) as http:
        yield ApiSession(http=http, settings=settings, gate=gate)


class ApiSession:
    """See the module docstring for the promises this class keeps."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        settings: ConnectionSettings,
        gate: Gate | None,
    ) -> None:
        self._http = http
        self._settings = settings
        self._gate = gate

    async def request(self, call: Call) -> bytes:
        """Make `call` and return the body of its answer.

        Raises the errors of `errors.py`, and what the gate raises.
        """
        departure = _Departure(call, self._gate)
        departure.ask()
        try:
            async with asyncio.timeout(call.timeout):
                response = await self._ask(call, departure)
                try:
                    return await _read(response, call.largest_answer)
                finally:
                    response.close()
        except (aiohttp.ClientError, OSError) as error:
            raise self._unanswered(call, departure, error) from error

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[bytes]]:
        """Make `call` and yield an iterator over the lines of its answer.

        The call's timeout spans the whole stream. The iterator ends when the
        server ends the stream between two lines; anything else that ends it
        raises a ConnectionFailed.
        """
        deadline = asyncio.get_running_loop().time() + call.timeout
        departure = _Departure(call, self._gate)
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._ask(call, departure)
        except (aiohttp.ClientError, OSError) as error:
            raise self._unanswered(call, departure, error) from error
        try:
            lines = lines_of(
                response.content,
                call=str(call),
                deadline=deadline,
                largest=call.largest_answer,
            )
            async with aclosing(lines):
                yield lines
        finally:
            response.close()

    async def _ask(self, call: Call, departure: _Departure) -> aiohttp.ClientResponse:
        credentials = self._settings.credentials
        authorization = await credentials.authorization()
        response = await self._send(call, departure, authorization)
        if response.status == HTTPStatus.UNAUTHORIZED:
            response.close()
            # Whether it was the token or the certificate, nobody says.
            self._settings.tls.doubt()
            await credentials.refresh(refused=authorization)
            authorization = await credentials.authorization()
            response = await self._send(call, departure, authorization)
        if response.status not in range(200, 300):
            raise await _refusal(call, response)
        return response

    async def _send(
        self, call: Call, departure: _Departure, authorization: Secret[str] | None
    ) -> aiohttp.ClientResponse:
        settings = self._settings
        headers = {"Accept": call.accept, **_headers_for_proxy(settings)}
        if authorization is not None:
            headers["Authorization"] = authorization.reveal()
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        return await self._http.request(
            call.verb.method,
            URL(settings.server + call.path_and_query, encoded=True),
            data=departure.body(),
            headers=headers,
            allow_redirects=False,
            # The pool keeps connections apart by their context, so another one
            # means another connection.
            ssl=await settings.tls.context(),
            server_hostname=settings.tls_server_name,
            middlewares=(departure,),
            **_way(settings),
        )

    def _unanswered(
        self, call: Call, departure: _Departure, error: Exception
    ) -> OperationFailed:
        if isinstance(error.__cause__, aiohttp.ClientSSLError):
            self._settings.tls.doubt()
        why = shorten(str(error)) or f"no answer within {call.timeout:g} s"
        if departure.left and not call.repeatable:
            return AnswerLost(f"{call}: sent, and no answer: {why}")
        return ConnectionFailed(f"{call}: {why}")


class _Way(TypedDict, total=False):
    """How a request gets to the server, in the words of aiohttp."""

    proxy: URL
    proxy_headers: dict[str, str]


def _way(settings: ConnectionSettings) -> _Way:
    if settings.proxy is None:
        return {}
    return {"proxy": settings.proxy.url, "proxy_headers": settings.proxy.headers}


def _headers_for_proxy(settings: ConnectionSettings) -> dict[str, str]:
    """Return what a proxy must find in the request itself, as it reads no other.

    To a server with TLS there is a tunnel, and the proxy sees its opening alone.
    """
    if settings.proxy is None or settings.server.startswith("https:"):
        return {}
    return settings.proxy.headers


async def _refusal(call: Call, response: aiohttp.ClientResponse) -> OperationFailed:
    try:
        status = read_status(await _read(response, _LARGEST_STATUS))
    except (aiohttp.ClientError, OSError):
        status = Status()  # its code has come, and that is what counts
    finally:
        response.close()
    return failure(
        str(call),
        status,
        code=response.status,
        retry_after=response.headers.get("Retry-After", ""),
    )


async def _read(response: aiohttp.ClientResponse, largest: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > largest:
            raise aiohttp.ClientPayloadError(f"an answer of more than {largest} bytes")
        parts.append(chunk)
    return b"".join(parts)
