"""The HTTP client of one Vault: one method, and one request on the wire per call.

It promises

* that a call is sent once; only a redirect on the same host sends it again, once;
* that a URL is the address, `/v1/` and quoted segments, whatever a user wrote;
* that the token goes to that address and nowhere else;
* that an answer is bounded in size and time, and read as JSON only if it is JSON;
* that it raises the tree of `vault.errors`, and nothing else but cancellation.

How often to ask, how many at once and with which identity is for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from yarl import URL

from vso_controller.foundation import gojson
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.address import environment_proxy, parse_address
from vso_controller.vault.answers import Answer, read_answer, unreadable
from vso_controller.vault.errors import (
    InvalidConnection,
    InvalidRequest,
    RedirectRefused,
)
from vso_controller.vault.failures import answer_missing, not_sent
from vso_controller.vault.headers import check_headers, headers_of
from vso_controller.vault.ports import Observer
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest
from vso_controller.vault.tls import Tls, build_tls

LONGEST_BODY = 8 * 1024 * 1024
"""Bytes of an answer, counted after decompression."""

_FOLLOWED = frozenset({307, 308})
_REDIRECTS = range(300, 400)


class _BodyTooLong(Exception):
    """The answer has more bytes than we take."""


@dataclass(slots=True)
class _Call:
    """One call on its way."""

    request: VaultRequest
    about: str  # what is asked and where; begins every message
    url: URL
    headers: Mapping[str, str] = field(repr=False)  # the token is among them
    body: Secret[bytes] | None
    sent: bool = False  # True before the first byte leaves


class _Unobserved:
    def observe(self, operation: Operation, outcome: str, seconds: float) -> None:
        pass


class VaultClient:
    """See the module docstring for the promises this class keeps.

    It is built inside a running event loop and closed by `close` or `async with`.
    Raises InvalidConnection for settings that cannot work. `timeout` and
    `connect_timeout` are seconds; the first covers a call from start to end.
    """

    def __init__(
        self,
        *,
        address: str,
        user_agent: str,
        clock: Clock,
        tls: Tls | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        connect_timeout: float = 5.0,
        trust_env: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self._address = parse_address(address)
        self._user_agent = user_agent
        self._clock = clock
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._observer = observer or _Unobserved()
        try:
            check_headers(self._headers)
        except ValueError as error:
            raise InvalidConnection(f"the connection to Vault: {error}") from error
        tls = tls or build_tls()
        self._server_name = tls.server_name
        self._session = aiohttp.ClientSession(
            # No limit: how many calls run at once is decided where they are made.
            connector=aiohttp.TCPConnector(ssl=tls.context, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout),
            middlewares=(_never_repeat,),
            trace_configs=[_sending_trace()],
            # Not `trust_env`: that would read passwords from a .netrc as well.
            proxy=environment_proxy(self._address) if trust_env else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Calls under way fail, later ones are not sent."""
        await self._session.close()

    async def request(self, request: VaultRequest) -> VaultReply:
        """Send `request` and return what a 2xx answer says."""
        started = self._clock.monotonic()
        outcome = "Aborted"
        try:
            reply = await self._exchange(self._prepare(request))
            outcome = "Succeeded"
        except OperationFailed as error:
            outcome = type(error).__name__
            raise
        finally:
            seconds = self._clock.monotonic() - started
            self._observer.observe(request.operation, outcome, seconds)
        return reply

    def _prepare(self, request: VaultRequest) -> _Call:
        about = f"{request.title} at {self._address}"
        body = request.body
        try:
            return _Call(
                request=request,
                about=about,
                url=self._address.url(request.path, request.query),
                headers=headers_of(
                    request, connection=self._headers, user_agent=self._user_agent
                ),
                body=None if body is None else Secret(gojson.dumps(body.reveal())),
            )
        except ValueError as error:
            raise InvalidRequest(f"{about}: {error}") from error

    async def _exchange(self, call: _Call) -> VaultReply:
        answer = await self._send_within_time(call)
        if answer.status in _REDIRECTS:
            raise RedirectRefused(
                f"{call.about}: the answer is a redirect ({answer.status}) that is not"
                " followed; use the address of the active node or of a load balancer"
            )
        return read_answer(call.request, answer, about=call.about)

    async def _send_within_time(self, call: _Call) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._send(call, call.url)
                target = self._redirected(call, answer)
                if target is not None:
                    call.sent = False  # a redirect says that nothing was done
                    answer = await self._send(call, target)
                return answer
        except aiohttp.ClientResponseError as error:
            failure = _failure(call, error)
        except (aiohttp.ClientError, OSError, _BodyTooLong) as error:
            raise _failure(call, error) from error
        # Raised out here, where it has neither cause nor context: the repr of such an
        # error shows the request's headers, and the token is one of them.
        raise failure

    async def _send(self, call: _Call, url: URL) -> Answer:
        if self._session.closed:
            raise aiohttp.ClientConnectionError("the client was closed")
        async with self._session.request(
            call.request.method,
            url,
            headers=call.headers,
            data=None if call.body is None else call.body.reveal(),
            allow_redirects=False,
            server_hostname=self._server_name,
            trace_request_ctx=call,
        ) as response:
            body = await _read_bounded(response)
            return Answer(
                status=response.status,
                content_type=response.content_type,
                body=Secret(body),
                retry_after=response.headers.get("Retry-After", ""),
                location=response.headers.get("Location", ""),
            )

    def _redirected(self, call: _Call, answer: Answer) -> URL | None:
        if answer.status not in _FOLLOWED:
            return None
        return self._address.follow(call.url, answer.location)


def _failure(call: _Call, error: Exception) -> OperationFailed:
    request, about = call.request, call.about
    match error:
        case _BodyTooLong():
            return unreadable(request, about, "the answer is too long")
        case _ if not call.sent:
            return not_sent(about, error)
        case aiohttp.ClientResponseError():
            return unreadable(request, about, "the answer is not HTTP")
        case _:
            return answer_missing(about, error, repeatable=request.repeatable)


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LONGEST_BODY:
            response.close()
            raise _BodyTooLong
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


def _sending_trace() -> aiohttp.TraceConfig:
    """Note on each call when it begins to leave."""

    async def note(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        context.trace_request_ctx.sent = True

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note)
    return trace
