"""A proxy in front of a server that writes down what crosses it, and can disturb it.

HTTPS in front, HTTP or HTTPS behind. Bodies stream both ways piece by piece, so a
watch flows as it would without the proxy. What happens to a connection behind
happens in front: where the server is gone or breaks off, the client sees its
connection reset and no status that the server never sent. Protocol upgrades
(WebSocket, exec) do not pass.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from aiohttp import web

from tests.support.faults import Faults
from tests.support.recorder import Recorder, Recording
from tests.support.requestlog import RequestHead
from tests.support.tls import LOOPBACK, Authority
from tests.support.upstream import (
    Answer,
    ConnectionCut,
    HttpUpstream,
    Question,
    Upstream,
)

_PARTING = 0.1  # seconds that open requests get when the proxy ends
_CREDENTIALS = ("Authorization", "X-Vault-Token")


class RecordingProxy:
    """A running proxy: clients use `url` and `ca_pem`, tests read `recorder`.

    What `faults` has switched on stands between the log and the server.
    """

    def __init__(
        self,
        *,
        url: str,
        ca_pem: str,
        recorder: Recorder,
        faults: Faults,
        relay: _Relay,
        tls: ssl.SSLContext,
    ) -> None:
        self.url = url
        self.ca_pem = ca_pem
        self.recorder = recorder
        self.faults = faults
        self._relay = relay
        self._tls = tls

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        upstream_url: str,
        upstream_ca: str | None = None,
        *,
        wrap: Callable[[Upstream], Upstream] = lambda upstream: upstream,
    ) -> AsyncIterator[RecordingProxy]:
        """Stand before `upstream_url` for the length of the `async with` block.

        `wrap` may put a listener around the server, behind all faults.
        """
        authority, faults = Authority(), Faults()
        recorder = Recorder(clock=asyncio.get_running_loop().time)
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(
                HttpUpstream.connect(upstream_url, upstream_ca)
            )
            relay = _Relay(upstream=wrap(upstream), faults=faults, recorder=recorder)
            tls = authority.server_context()
            port = await stack.enter_async_context(_listening(relay, tls))
            yield cls(
                url=f"https://{LOOPBACK}:{port}",
                ca_pem=authority.ca_pem,
                recorder=recorder,
                faults=faults,
                relay=relay,
                tls=tls,
            )

    def rotate_authority(self) -> None:
        """Present a certificate of another CA from now on, which is `ca_pem` then.

        Connections that are open stay.
        """
        authority = Authority()
        authority.present(self._tls)
        self.ca_pem = authority.ca_pem

    def reset_connections(self) -> None:
        """Break every connection of a client, busy or idle."""
        self._relay.reset_connections()


class _Relay:
    """Takes requests, asks the upstream, tells the recorder."""

    def __init__(
        self, *, upstream: Upstream, faults: Faults, recorder: Recorder
    ) -> None:
        self._upstream = upstream
        self._faults = faults
        self._recorder = recorder
        self._open: set[Recording] = set()
        self.server = web.Server(
            self.handle,
            handler_cancellation=True,  # who leaves a watch ends it behind, too
            access_log=None,
            auto_decompress=False,
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        head = _head_of(request)
        recording = self._recorder.begin(head)
        self._open.add(recording)
        try:
            response = await self._relay(request, head, recording)
        except ConnectionCut as cut:
            recording.end(failure=str(cut))
            return _reset(request)
        except ConnectionError:
            recording.end(failure="the client went away")
            return _reset(request)
        except asyncio.CancelledError:
            recording.end(failure="the client went away, or the proxy ended")
            raise
        finally:
            self._open.remove(recording)
        recording.end()
        return response

    def reset_connections(self) -> None:
        """Break all connections of clients."""
        for recording in self._open:
            recording.faulted("reset_connections")
        for connection in self.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _relay(
        self, request: web.BaseRequest, head: RequestHead, recording: Recording
    ) -> web.StreamResponse:
        question = Question(
            head=head,
            target=request.raw_path,
            headers=request.headers,
            body=_recorded_body(request, recording) if request.body_exists else None,
            notes=recording,
        )
        upstream = self._faults.before(self._upstream)
        async with upstream.ask(question) as answer:
            recording.begin_answer(answer.status)
            response = _response_to(request, answer)
            # The head goes out now: an idle watch has nothing to follow it.
            await response.prepare(request)
            async with aclosing(answer.body) as chunks:
                async for chunk in chunks:
                    recording.add_to_answer(chunk)
                    await response.write(chunk)
            await response.write_eof()
        return response


@asynccontextmanager
async def _listening(relay: _Relay, tls: ssl.SSLContext) -> AsyncIterator[int]:
    runner = web.ServerRunner(relay.server, shutdown_timeout=_PARTING)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls)
        await site.start()
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()


async def _recorded_body(
    request: web.BaseRequest, recording: Recording
) -> AsyncGenerator[bytes, None]:
    async for chunk in request.content.iter_any():
        recording.add_to_request(chunk)
        yield chunk
    recording.end_request()


def _head_of(request: web.BaseRequest) -> RequestHead:
    path, _, query = request.raw_path.partition("?")
    return RequestHead(
        method=request.method,
        path=path,
        query=query,
        user_agent=request.headers.get("User-Agent", ""),
        is_authorized=any(name in request.headers for name in _CREDENTIALS),
    )


def _response_to(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(
        status=answer.status, reason=answer.reason, headers=answer.headers
    )
    has_body = request.method != "HEAD" and answer.status not in {204, 304}
    if has_body and "Content-Length" not in answer.headers:
        response.enable_chunked_encoding()
    return response


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)  # for aiohttp alone: it reaches nobody
