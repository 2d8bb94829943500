"""What a call becomes when there is no answer: refused, slow, broken, untrusted."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trustme

from tests.fakes.vault_server import Misbehaviour, Says, ScriptedServer, says_json
from tests.unit.vault.asking import ISSUE, READ
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import (
    AnswerLost,
    ConnectionLost,
    InvalidConnection,
    PermissionDenied,
    RequestTimedOut,
    ServerUnreachable,
    TlsVerificationFailed,
)
from vso_controller.vault.requests import Operation, VaultRequest
from vso_controller.vault.tls import SystemTrust, Tls, build_tls


def client_of(
    address: str, *, tls: Tls | None = None, timeout: float = 60.0
) -> VaultClient:
    return VaultClient(
        address=address,
        user_agent="vso/test",
        clock=SystemClock(),
        tls=tls,
        timeout=timeout,
        connect_timeout=min(timeout, 5.0),
    )


@asynccontextmanager
async def plain_listener(greeting: bytes) -> AsyncIterator[str]:
    """Listen where TLS is expected, answer with `greeting`; yield an https URL."""
    ended: list[asyncio.Event] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        writer.write(greeting)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended[-1].set()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for connection in ended:
            await connection.wait()


@pytest.mark.parametrize("ask", [READ, ISSUE], ids=["repeatable", "not"])
async def test_refused_connection_means_nothing_was_sent(ask: VaultRequest) -> None:
    async with ScriptedServer().run() as gone:
        pass

    async with client_of(gone.address) as client:
        with pytest.raises(ServerUnreachable, match="Connection refused"):
            await client.request(ask)


async def test_unknown_host_says_so() -> None:
    async with client_of("http://vault.invalid:8200") as client:
        with pytest.raises(ServerUnreachable, match="the host is not known"):
            await client.request(ISSUE)


@pytest.mark.parametrize(
    ("ask", "kind"),
    [(READ, RequestTimedOut), (ISSUE, AnswerLost)],
    ids=["repeatable", "not"],
)
async def test_silence_ends_at_the_timeout(
    server: ScriptedServer, ask: VaultRequest, kind: type[OperationFailed]
) -> None:
    server.script = lambda _: Misbehaviour.SILENCE

    async with client_of(server.address, timeout=0.05) as client:
        with pytest.raises(kind):
            await client.request(ask)

    assert len(server.asked) == 1


@pytest.mark.parametrize("ask", [READ, ISSUE], ids=["repeatable", "not"])
async def test_timeout_before_anything_was_sent_is_an_unreachable_server(
    ask: VaultRequest,
) -> None:
    async with plain_listener(b"") as address, client_of(address, timeout=0.05) as mute:
        with pytest.raises(ServerUnreachable, match="no connection in time"):
            await mute.request(ask)


@pytest.mark.parametrize(
    ("ask", "kind"),
    [(READ, ConnectionLost), (ISSUE, AnswerLost)],
    ids=["repeatable", "not"],
)
async def test_answer_cut_short_is_lost(
    server: ScriptedServer,
    client: VaultClient,
    ask: VaultRequest,
    kind: type[OperationFailed],
) -> None:
    server.script = lambda _: Says(body=b'{"data"', length=1000)

    with pytest.raises(kind):
        await client.request(ask)


async def test_closed_client_sends_nothing(
    server: ScriptedServer, client: VaultClient
) -> None:
    await client.close()

    with pytest.raises(ServerUnreachable):
        await client.request(READ)

    assert server.asked == []


@pytest.mark.parametrize("ask", [READ, ISSUE], ids=["repeatable", "not"])
async def test_proxy_that_refuses_to_connect_has_seen_nothing_of_the_call(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, ask: VaultRequest
) -> None:
    monkeypatch.setenv("https_proxy", server.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.script = lambda _: Says(status=403)

    async with VaultClient(
        address="https://vault.example",
        user_agent="vso/test",
        clock=SystemClock(),
        trust_env=True,
    ) as client:
        with pytest.raises(ServerUnreachable, match="the proxy refused"):
            await client.request(ask)

    (asked,) = server.asked
    assert asked.method == "CONNECT"
    assert "x-vault-token" not in asked.headers


@dataclass
class Notes:
    """An Observer that remembers."""

    seen: list[tuple[Operation, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def observe(self, operation: Operation, outcome: str, seconds: float) -> None:
        self.seen.append((operation, outcome))
        self.seconds.append(seconds)


async def test_observer_learns_how_each_call_went(server: ScriptedServer) -> None:
    notes = Notes()
    async with VaultClient(
        address=server.address,
        user_agent="vso/test",
        clock=SystemClock(),
        observer=notes,
    ) as client:
        await client.request(READ)
        server.script = lambda _: says_json({"errors": []}, status=403)
        with pytest.raises(PermissionDenied):
            await client.request(READ)
        server.script = lambda _: Misbehaviour.SILENCE
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.request(READ)

    outcomes = ["Succeeded", "PermissionDenied", "Aborted"]
    assert notes.seen == [(Operation.READ, outcome) for outcome in outcomes]
    assert notes.seconds[2] >= 0.04


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_server_of_the_given_ca_is_trusted(authority: trustme.CA) -> None:
    tls = build_tls(ca_pem=b"# comment \xff\n" + authority.cert_pem.bytes())

    async with (
        ScriptedServer().run(serving(authority, "127.0.0.1")) as server,
        client_of(server.address, tls=tls) as client,
    ):
        await client.request(READ)

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("names", "ca", "reason"),
    [
        pytest.param(("127.0.0.1",), "other", "issuer", id="other CA"),
        pytest.param(("127.0.0.1",), "system", "issuer", id="system CAs"),
        pytest.param(("elsewhere",), "own", "mismatch|not valid", id="other name"),
    ],
)
async def test_untrusted_server_is_sent_nothing(
    authority: trustme.CA, names: tuple[str, ...], ca: str, reason: str
) -> None:
    bundles = {"own": authority.cert_pem.bytes(), "system": None}
    tls = build_tls(ca_pem=bundles.get(ca, trustme.CA().cert_pem.bytes()))

    async with (
        ScriptedServer().run(serving(authority, *names)) as server,
        client_of(server.address, tls=tls) as client,
    ):
        with pytest.raises(TlsVerificationFailed, match=reason):
            await client.request(ISSUE)

    assert server.asked == []


async def test_server_name_of_the_connection_is_the_one_verified(
    authority: trustme.CA,
) -> None:
    tls = build_tls(ca_pem=authority.cert_pem.bytes(), server_name="vault.internal")

    async with (
        ScriptedServer().run(serving(authority, "vault.internal")) as server,
        client_of(server.address, tls=tls) as client,
    ):
        await client.request(READ)

    assert len(server.asked) == 1


async def test_verification_can_be_skipped(authority: trustme.CA) -> None:
    async with (
        ScriptedServer().run(serving(authority, "elsewhere")) as server,
        client_of(server.address, tls=build_tls(skip_verify=True)) as client,
    ):
        await client.request(READ)

    assert len(server.asked) == 1


async def test_intermediate_ca_alone_can_be_the_anchor(authority: trustme.CA) -> None:
    intermediate = authority.create_child_ca()
    tls = build_tls(ca_pem=intermediate.cert_pem.bytes())

    async with (
        ScriptedServer().run(serving(intermediate, "127.0.0.1")) as server,
        client_of(server.address, tls=tls) as client,
    ):
        await client.request(READ)

    assert len(server.asked) == 1


def test_cas_of_the_system_are_read_once_for_all_who_share_them() -> None:
    system = SystemTrust()

    one = build_tls(system=system)
    other = build_tls(system=system, server_name="vault.internal")

    assert one.context is other.context
    assert build_tls(system=system, skip_verify=True).context is not one.context


async def test_plain_http_where_tls_is_asked_for_says_so() -> None:
    greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    async with plain_listener(greeting) as address, client_of(address) as client:
        with pytest.raises(ServerUnreachable, match="the TLS handshake failed"):
            await client.request(READ)


async def test_server_that_only_speaks_old_tls_is_refused(
    authority: trustme.CA,
) -> None:
    old = serving(authority, "127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    tls = build_tls(ca_pem=authority.cert_pem.bytes())

    async with (
        ScriptedServer().run(old) as server,
        client_of(server.address, tls=tls) as client,
    ):
        with pytest.raises(ServerUnreachable):
            await client.request(READ)

    assert server.asked == []


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"canary",
        b"-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----",
    ],
)
def test_bundle_without_a_usable_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(InvalidConnection) as refused:
        build_tls(ca_pem=pem)

    assert "canary" not in f"{refused.value!r} {refused.value.__cause__!r}"
