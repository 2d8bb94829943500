"""Calls through TLS and proxies: what changes on disk, and who sees what."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from tests.unit.kube.servers import (
    ScriptedServer,
    Tunnels,
    scripted_server,
    tunnels,
)
from tests.unit.kube.worlds import KEY, WIDGETS, SettableClock, settings
from vso_controller.kube.calls import Call, Verb, object_target
from vso_controller.kube.errors import ConnectionFailed, Unprocessable
from vso_controller.kube.proxies import proxy_in
from vso_controller.kube.session import open_session
from vso_controller.kube.tls import FILES_REST, Tls, TlsFiles

READ = Call(verb=Verb.GET, target=object_target(WIDGETS, KEY), repeatable=True)
AUTHORITY, FORMER = trustme.CA(), trustme.CA()
IDENTITY = "Basic bWU6Y2FuYXJ5"


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    async with scripted_server(context) as running:
        running.answer({})
        yield running


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    named = TlsFiles(tmp_path / "ca.crt", tmp_path / "tls.crt", tmp_path / "tls.key")
    write(AUTHORITY, named.authority)
    write_client(named, "first")
    return named


@pytest.fixture
async def proxy() -> AsyncIterator[Tunnels]:
    async with tunnels() as running:
        yield running


def write(authority: trustme.CA, file: Path | None) -> None:
    authority.cert_pem.write_to_path(str(file))


def write_client(files: TlsFiles, name: str) -> None:
    leaf = AUTHORITY.issue_cert(f"{name}.example.com")
    leaf.cert_chain_pems[0].write_to_path(str(files.certificate))
    leaf.private_key_pem.write_to_path(str(files.key))


def certificates(server: ScriptedServer) -> list[object]:
    return [seen.certificate for seen in server.seen]


async def test_authority_that_was_replaced_is_trusted_with_the_next_call(
    server: ScriptedServer, files: TlsFiles, clock: SettableClock
) -> None:
    write(FORMER, files.authority)
    tls = Tls(files=files, clock=clock)

    async with open_session(settings=settings(server.url, tls=tls)) as session:
        with pytest.raises(ConnectionFailed, match="certificate verify failed"):
            await session.request(READ)
        write(AUTHORITY, files.authority)

        assert await session.request(READ) == b"{}"


async def test_renewed_client_certificate_is_shown_on_new_connections(
    server: ScriptedServer, files: TlsFiles, clock: SettableClock
) -> None:
    tls = Tls(files=files, clock=clock)

    async with open_session(settings=settings(server.url, tls=tls)) as session:
        await session.request(READ)
        write_client(files, "second")
        await session.request(READ)
        clock.time += FILES_REST
        await session.request(READ)

    assert certificates(server) == [
        "first.example.com",
        "first.example.com",
        "second.example.com",
    ]


async def test_refused_client_certificate_is_read_again_and_the_call_repeated(
    server: ScriptedServer, files: TlsFiles, clock: SettableClock
) -> None:
    server.answers.clear()
    server.answer({}).refuse(401).answer({})
    tls = Tls(files=files, clock=clock)

    async with open_session(settings=settings(server.url, tls=tls)) as session:
        await session.request(READ)
        write_client(files, "second")
        await session.request(READ)

    assert certificates(server)[1:] == ["first.example.com", "second.example.com"]


async def test_server_is_reached_through_the_tunnel_of_a_proxy(
    server: ScriptedServer, proxy: Tunnels, files: TlsFiles, clock: SettableClock
) -> None:
    way = settings(
        server.url,
        tls=Tls(files=files, clock=clock),
        proxy=proxy_in(proxy.url.replace("//", "//me:canary@"), source="x"),
    )

    async with open_session(settings=way) as session:
        await session.request(READ)
        await session.request(READ)

    (head,) = proxy.heads
    target = server.url.removeprefix("https://")
    assert head.startswith(f"CONNECT {target} ")
    assert f"Proxy-Authorization: {IDENTITY}\r\n" in head
    assert "Bearer" not in head, "our token is for the server alone"
    assert len(server.seen) == 2
    assert all("Proxy-Authorization" not in seen.headers for seen in server.seen)


@pytest.mark.parametrize(
    ("scheme", "error"), [("https", ConnectionFailed), ("http", Unprocessable)]
)
async def test_refusal_of_a_proxy_is_told_without_our_password(
    proxy: Tunnels, scheme: str, error: type[Exception]
) -> None:
    proxy.answer = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
    way = settings(
        f"{scheme}://api.internal:6443",
        proxy=proxy_in(proxy.url.replace("//", "//me:canary@"), source="x"),
    )

    async with open_session(settings=way) as session:
        with pytest.raises(error, match="407") as told:
            await session.request(READ)

    assert "canary" not in repr(told.value)
    assert IDENTITY not in repr(told.value)


async def test_proxy_that_is_not_there_is_a_failed_connection() -> None:
    async with tunnels() as gone:
        address = gone.url.replace("//", "//me:canary@")
    way = settings("https://api.internal:6443", proxy=proxy_in(address, source="x"))

    async with open_session(settings=way) as session:
        with pytest.raises(ConnectionFailed) as told:
            await session.request(READ)

    assert "canary" not in str(told.value)


async def test_request_without_tls_is_handed_to_the_proxy(proxy: Tunnels) -> None:
    proxy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    way = settings(
        "http://api.internal:8001",
        proxy=proxy_in(proxy.url.replace("//", "//me:canary@"), source="x"),
    )

    async with open_session(settings=way) as session:
        assert await session.request(READ) == b"{}"

    (head,) = proxy.heads
    assert head.startswith("GET http://api.internal:8001/apis/ex.io/v1/")
    assert f"Proxy-Authorization: {IDENTITY}\r\n" in head
