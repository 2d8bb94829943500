"""The HTTP client of one Vault: one method, and one request on the wire per call.

It promises

* that a call is sent once; only a redirect on the same host sends it again, once;
* that a URL is the address, `/v1/` and quoted segments, whatever a user wrote;
* that the token goes to that address and nowhere else;
* that an answer is bounded in size and time, and read as JSON only if it is JSON;
* that nobody is connected to whom `reach` does not admit;
* that each call has a name of its own, which the log and Vault's audit log can share;
* that it raises the tree of `vault.errors`, and nothing else but cancellation.

How often to ask, how many at once and with which identity is for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import uuid4

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver
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
from vso_controller.vault.headers import INDEX, check_headers, headers_of
from vso_controller.vault.ports import Observer
from vso_controller.vault.reach import Reach
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest
from vso_controller.vault.resolving import GuardedResolver
from vso_controller.vault.tls import Tls, build_tls
from vso_controller.vault.wire import (
    BodyTooLong,
    Departure,
    new_session,
    read_bounded,
)

_FOLLOWED = frozenset({307, 308})
_REDIRECTS = range(300, 400)
_ANYWHERE = Reach()

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Call:
    """One call on its way."""

    request: VaultRequest
    about: str  # what is asked and where; begins every message
    url: URL
    headers: Mapping[str, str] = field(repr=False)  # the token is among them
    body: Secret[bytes] | None
    departure: Departure


class _Unobserved:
    def observe(self, operation: Operation, outcome: str, seconds: float) -> None:
        pass


class VaultClient:
    """See the module docstring for the promises this class keeps.

    It is built inside a running event loop and closed by `close` or `async with`.
    Raises InvalidConnection for settings that cannot work and AddressNotAllowed for an
    address that `reach` does not admit. `timeout` and `connect_timeout` are seconds;
    the first covers a call from start to end. With `trust_env`, a proxy of the
    environment's is used; it is the proxy then that resolves the address.
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
        reach: Reach = _ANYWHERE,
        resolver: AbstractResolver | None = None,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._address = parse_address(address)
        # Not `trust_env` of aiohttp: that would read passwords from a .netrc as well.
        proxy = environment_proxy(self._address) if trust_env else None
        reach.check_host(self._address.host, is_resolved_here=proxy is None)
        self._user_agent = user_agent
        self._clock = clock
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._observer = observer or _Unobserved()
        self._new_id = new_id
        try:
            check_headers(self._headers)
        except ValueError as error:
            raise InvalidConnection(f"the connection to Vault: {error}") from error
        tls = tls or build_tls()
        self._server_name = tls.server_name
        # A proxy may be anywhere: its address is the operator's choice.
        guarded = GuardedResolver(reach=reach, resolver=resolver)
        self._session = new_session(
            tls=tls.context,
            resolver=guarded if proxy is None else resolver,
            proxy=proxy,
            connect_timeout=connect_timeout,
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
        outcome, correlation_id, request_id = "Aborted", self._new_id(), ""
        try:
            reply = await self._exchange(self._prepare(request, correlation_id))
            outcome, request_id = "Succeeded", reply.request_id
        except OperationFailed as error:
            outcome = type(error).__name__
            raise
        finally:
            seconds = self._clock.monotonic() - started
            self._observer.observe(request.operation, outcome, seconds)
            log.debug(
                "vault_called",
                call=request.title,
                vault=str(self._address),
                outcome=outcome,
                correlation_id=correlation_id,
                request_id=request_id,
            )
        return reply

    def _prepare(self, request: VaultRequest, correlation_id: str) -> _Call:
        about = f"{request.title} at {self._address}"
        body = request.body
        try:
            return _Call(
                request=request,
                about=about,
                url=self._address.url(request.path, request.query),
                headers=headers_of(
                    request,
                    connection=self._headers,
                    user_agent=self._user_agent,
                    correlation_id=correlation_id,
                ),
                body=None if body is None else Secret(gojson.dumps(body.reveal())),
                departure=Departure(request.fence),
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
                    call.departure.left = False  # a redirect: nothing was done
                    answer = await self._send(call, target)
                return answer
        except aiohttp.ClientResponseError as error:
            failure = _failure(call, error)
        except (aiohttp.ClientError, OSError, BodyTooLong) as error:
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
            trace_request_ctx=call.departure,
        ) as response:
            body = await read_bounded(response)
            return Answer(
                status=response.status,
                content_type=response.content_type,
                body=Secret(body),
                retry_after=response.headers.get("Retry-After", ""),
                location=response.headers.get("Location", ""),
                index=response.headers.get(INDEX, ""),
            )

    def _redirected(self, call: _Call, answer: Answer) -> URL | None:
        if answer.status not in _FOLLOWED:
            return None
        return self._address.follow(call.url, answer.location)


def _failure(call: _Call, error: Exception) -> OperationFailed:
    request, about = call.request, call.about
    match error:
        case BodyTooLong():
            return unreadable(request, about, "the answer is too long")
        case _ if not call.departure.left:
            return not_sent(about, error)
        case aiohttp.ClientResponseError():
            return unreadable(request, about, "the answer is not HTTP")
        case _:
            return answer_missing(about, error, repeatable=request.repeatable)
