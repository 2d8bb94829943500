"""The recording proxy, between an in-process client and an in-process server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.support.faults import Rule
from tests.support.faults_matching import Requests
from tests.support.faults_requests import Respond
from tests.support.proxy import RecordingProxy
from tests.support.tls import Authority
from tests.support.upstream import Answer, Question, Upstream
from tests.unit.support.backends import Backend, connected, only_ended, seen_body

CANARY = "canary-4f1c"


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


async def test_connections_that_are_reset_break_in_the_middle(
    backend: Backend, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async def watch(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    backend.handler = watch
    async with client.get(proxy.url) as answer:
        proxy.reset_connections()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()

    exchange = await only_ended(proxy)
    assert exchange.faults == ("reset_connections",)
    assert exchange.was_forwarded


async def test_idle_connections_are_reset_too(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async with client.get(proxy.url):
        pass
    proxy.reset_connections()

    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(proxy.url)
    async with client.get(proxy.url) as answer:
        assert answer.status == 201, "on a new connection"


async def test_authority_that_is_rotated_counts_for_new_connections(
    proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    async with client.get(proxy.url):
        pass
    proxy.rotate_authority()

    async with client.get(proxy.url) as answer:
        assert answer.status == 201, "on the connection from before"
    proxy.reset_connections()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(proxy.url)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await client.get(proxy.url)
    async with connected(proxy) as trusting, trusting.get(proxy.url) as answer:
        assert answer.status == 201


async def test_a_server_without_tls_can_stand_behind() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="plain")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async with (
        RecordingProxy.start(url) as proxy,
        connected(proxy) as client,
        client.get(proxy.url) as reply,
    ):
        assert await reply.text() == "plain"
    await runner.cleanup()


class Listener:
    """Hears what reaches the server."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._upstream: Upstream | None = None

    def around(self, upstream: Upstream) -> Upstream:
        self._upstream = upstream
        return self

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        assert self._upstream is not None
        content = await question.read()
        self.heard.append(content)
        async with self._upstream.ask(question.again(content)) as answer:
            yield answer


async def test_a_listener_hears_what_the_rules_let_pass(backend: Backend) -> None:
    listener = Listener()
    async with (
        RecordingProxy.start(
            backend.url, backend.ca_pem, wrap=listener.around
        ) as proxy,
        connected(proxy) as client,
    ):
        with proxy.faults.active(Rule(on=Requests(("PUT",)), do=Respond(500))):
            async with client.put(proxy.url, data=b"kept back"):
                pass
            async with client.post(proxy.url, data=b"let through"):
                pass

    assert listener.heard == backend.bodies == [b"let through"]
