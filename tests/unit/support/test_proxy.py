"""The recording proxy, between an in-process client and an in-process server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.support.conditions import NotYet, eventually
from tests.support.proxy import RecordingProxy
from tests.support.requestlog import BodySeen, Exchange
from tests.support.tls import Authority, trust
from tests.support.upstream import Answer, Question, Upstream

CANARY = "canary-4f1c"
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


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend, authority = Backend(), Authority()
    server = web.Server(backend.handle, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server_context())
    await site.start()
    backend.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    backend.ca_pem = authority.ca_pem
    yield backend
    await runner.cleanup()


@pytest.fixture
async def proxy(backend: Backend) -> AsyncIterator[RecordingProxy]:
    async with RecordingProxy.start(backend.url, backend.ca_pem) as proxy:
        yield proxy


@pytest.fixture
async def client(proxy: RecordingProxy) -> AsyncIterator[aiohttp.ClientSession]:
    async with connected(proxy) as client:
        yield client


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


async def test_a_request_and_its_answer_pass_unchanged(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    target = "/v1/kv/data/a%2Fb/%2e%2e/c?list=true&x=%20"
    url = URL(proxy.url + target, encoded=True)

    async with client.patch(
        url, data=b"body", headers={"Content-Type": "application/merge-patch+json"}
    ) as answer:
        text = await answer.text()

    (seen,) = backend.seen
    assert (seen.method, seen.raw_path) == ("PATCH", target)
    assert seen.headers["Content-Type"] == "application/merge-patch+json"
    assert seen.headers["Content-Length"] == "4"
    assert backend.bodies == [b"body"]
    assert (answer.status, text) == (201, '{"kind": "Secret"}')


async def test_no_header_is_added_to_a_request(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    silent = ("Accept", "Accept-Encoding")
    async with client.get(proxy.url, skip_auto_headers=silent, headers={"X-Own": "1"}):
        pass

    own = {"X-Own", "User-Agent"}
    assert set(backend.seen[0].headers) == own | {"Host", "Connection"}


async def test_the_log_tells_what_passed(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    sent = b'{"metadata": {"resourceVersion": "7"}}'
    async with client.put(
        f"{proxy.url}/api/v1/secrets?dryRun=All", data=sent
    ) as answer:
        received = await answer.read()

    exchange = await only_ended(proxy)
    assert exchange.head.method == "PUT"
    assert exchange.head.path == "/api/v1/secrets"
    assert exchange.head.query == "dryRun=All"
    assert exchange.head.user_agent == "vso-controller/1"
    assert exchange.resource_version == "7"
    assert exchange.status == 201
    assert exchange.request_body == seen_body(sent)
    assert exchange.answer_body == seen_body(received)
    assert exchange.failure == ""


@pytest.mark.parametrize(
    ("headers", "authorized"),
    [
        pytest.param({"Authorization": f"Bearer {CANARY}"}, True, id="kubernetes"),
        pytest.param({"X-Vault-Token": CANARY}, True, id="vault"),
        pytest.param({}, False, id="nobody"),
    ],
)
async def test_of_credentials_only_the_presence_is_kept(
    backend: Backend,
    proxy: RecordingProxy,
    client: aiohttp.ClientSession,
    headers: dict[str, str],
    authorized: bool,
) -> None:
    async with client.post(proxy.url, headers=headers, data=CANARY.encode()):
        pass

    exchange = await only_ended(proxy)
    assert exchange.head.is_authorized is authorized
    assert CANARY not in repr(exchange)
    assert headers.items() <= backend.seen[0].headers.items()


async def test_events_of_a_watch_flow_at_once(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    go_on = asyncio.Event()

    async def watch(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await go_on.wait()
        await response.write(b'{"type":"BOOKMARK"}\n')
        await asyncio.Event().wait()
        return response

    backend.handler = watch
    async with client.get(f"{proxy.url}/api/v1/pods?watch=1") as answer:
        assert answer.status == 200, "the head comes before any event"

        go_on.set()
        assert await answer.content.readline() == b'{"type":"BOOKMARK"}\n'

        (open_watch,) = proxy.recorder.requests.watches()
        assert open_watch.answer_body.size == 20
        assert open_watch.duration is None


async def test_a_body_flows_to_the_server_piece_by_piece(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    first_arrived = asyncio.Event()

    async def read_pieces(request: web.BaseRequest) -> web.StreamResponse:
        backend.bodies.append(await request.content.readany())
        first_arrived.set()
        backend.bodies.append(await request.content.read())
        return web.Response()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await first_arrived.wait()
        yield b"second"

    backend.handler = read_pieces
    async with client.post(proxy.url, data=pieces()) as answer:
        assert answer.status == 200

    assert backend.bodies == [b"first", b"second"]


async def test_who_leaves_a_watch_ends_it_at_the_server(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    ended = asyncio.Event()

    async def watch(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return response

    backend.handler = watch
    async with client.get(proxy.url):
        pass

    await ended.wait()
    exchange = await only_ended(proxy)
    assert "client went away" in exchange.failure


async def test_a_broken_answer_stays_broken(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async def break_off(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    backend.handler = break_off
    async with client.get(proxy.url) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()

    exchange = await only_ended(proxy)
    assert exchange.status == 200
    assert "broke off" in exchange.failure


async def test_a_server_that_hangs_up_looks_like_one(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    backend.handler = hang_up
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(proxy.url)

    assert len(backend.seen) == 1, "the proxy repeats nothing"
    assert "did not answer" in (await only_ended(proxy)).failure


async def test_a_server_with_another_certificate_is_not_asked(
    backend: Backend,
) -> None:
    stranger = Authority().ca_pem

    async with (
        RecordingProxy.start(backend.url, stranger) as proxy,
        connected(proxy) as client,
    ):
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(proxy.url)

    assert backend.seen == []


async def test_compressed_answers_stay_compressed(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async def compressed(_: web.BaseRequest) -> web.StreamResponse:
        response = web.Response(body=b"x" * 1000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    backend.handler = compressed
    async with client.get(proxy.url) as answer:
        received = await answer.read()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert received.startswith(b"\x1f\x8b")
    assert (await only_ended(proxy)).answer_body == seen_body(received)


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_answers_without_a_body_pass(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession, status: int
) -> None:
    async def answer_briefly(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"ETag": '"7"'})

    backend.handler = answer_briefly
    method = "HEAD" if status == 200 else "GET"
    async with client.request(method, proxy.url) as answer:
        assert await answer.read() == b""

    assert (answer.status, answer.headers["ETag"]) == (status, '"7"')


class Refusal:
    """A fault rule: the server is never asked."""

    def __init__(self, upstream: Upstream) -> None:
        pass

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        async def body() -> AsyncGenerator[bytes, None]:
            yield b"later"

        headers = {"Retry-After": "1"}
        yield Answer(status=429, reason="Too Many", headers=headers, body=body())


async def test_a_fault_rule_stands_between(backend: Backend) -> None:
    async with (
        RecordingProxy.start(backend.url, backend.ca_pem, wrap=Refusal) as proxy,
        connected(proxy) as client,
        client.get(proxy.url) as answer,
    ):
        assert (answer.status, await answer.text()) == (429, "later")
        assert (await only_ended(proxy)).status == 429

    assert backend.seen == []


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
