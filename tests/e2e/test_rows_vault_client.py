"""Rows of the fault matrix between the controller and a Vault: 28, 32, 39 to 42, 75.

Where a real Vault can be made to behave so, it is a real one. In all of them the
Secret stays what it was until Vault says something newer.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.e2e.admin import Manifest, decoded
from tests.e2e.team import PATIENCE, Team
from tests.e2e.world import ANY_TEAM, World
from tests.support.conditions import eventually
from tests.support.faults import Rule
from tests.support.faults_matching import Requests
from tests.support.faults_requests import Respond, web_page
from tests.support.openbao_kv import KeyValue
from tests.support.scriptedvault.messages import Asked, Said
from tests.support.scriptedvault.node import NodeState
from tests.support.scriptedvault.server import ScriptedVault
from tests.support.scriptedvault.tokens import login_reply
from tests.support.tls import LOOPBACK
from tests.support.tlsfront import TlsFront
from tests.unit.vault.asking import ISSUE, READ
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import AnswerLost, ConnectionLost, ServerUnreachable
from vso_controller.vault.requests import VaultRequest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

MOUNT = "secret"
BODY = b'{"common_name":"canary.example"}'  # of ISSUE


@asynccontextmanager
async def scripted(team: Team, **data: str) -> AsyncIterator[ScriptedVault]:
    """Run a scripted Vault that lets the team in and holds its data."""
    async with ScriptedVault.start() as vault:

        def login(asked: Asked) -> Said | None:
            if asked.path != "auth/kubernetes/login":
                return None
            issued = vault.tokens.issue(policies=("app",), ttl=3600)
            return vault.node(asked) or login_reply(issued)

        vault.script(login)
        vault.kv.mount(MOUNT)
        put(vault, team, **data)
        yield vault
        await team.end()  # while its Vault is there


def put(vault: ScriptedVault, team: Team, **data: str) -> None:
    vault.kv.put(MOUNT, f"{team.namespace}/app", data)


async def unhealthy(team: Team) -> None:
    await team.wait_condition("False", "Unhealthy", condition="Healthy")


async def healthy(team: Team) -> None:
    await team.wait_condition("True", "Healthy", condition="Healthy")


@pytest.mark.parametrize(
    "state",
    [
        NodeState.STANDBY,
        NodeState.PERFORMANCE_STANDBY,
        NodeState.DR_SECONDARY,
        NodeState.CUT_OFF,
    ],
)
async def test_row_28_standby_that_redirects_on_its_own_address_is_followed(
    team: Team, state: NodeState
) -> None:
    async with scripted(team, password="one") as vault:
        vault.node.become(state, redirects_to=vault.active_address)
        await team.connect(address=vault.address)
        await team.sync()

        await team.wait_value("password", b"one")
        await team.wait_condition("True", "Ready", kind="VaultConnection", name="vault")


async def test_row_28_redirect_to_another_address_never_gets_the_token(
    team: Team,
) -> None:
    async with scripted(team, password="one") as vault, ScriptedVault.start() as other:
        await team.connect(address=vault.address)
        await team.sync()
        await team.wait_value("password", b"one")

        vault.node.become(NodeState.STANDBY, redirects_to=other.address)
        await unhealthy(team)
        vault.node.become(NodeState.ACTIVE)
        put(vault, team, password="two")

        await team.wait_value("password", b"two")
        assert other.requests == []


async def test_row_28_node_that_serves_nothing_is_waited_for(team: Team) -> None:
    async with scripted(team, password="one") as vault:
        await team.connect(address=vault.address)
        await team.sync()
        await team.wait_value("password", b"one")

        vault.node.become(NodeState.PERFORMANCE_STANDBY, serves=False)
        await unhealthy(team)
        vault.node.become(NodeState.ACTIVE)

        await healthy(team)
        await team.wait_value("password", b"one")


async def test_row_32_node_that_lags_behind_shows_nothing_older(team: Team) -> None:
    async with scripted(team, password="one") as vault:
        vault.consistency.lag()
        put(vault, team, password="two")
        await team.connect(address=vault.address)
        await team.sync()

        await eventually(lambda: asked_again(vault, team), within=PATIENCE)
        assert await team.secret() is None
        vault.consistency.catch_up()

        await team.wait_value("password", b"two")


async def asked_again(vault: ScriptedVault, team: Team) -> None:
    reads = [asked for asked in vault.requests if team.namespace in asked.path]
    assert len(reads) > 2
    assert all("X-Vault-Index" in asked.headers for asked in reads)


@asynccontextmanager
async def full_listener() -> AsyncIterator[str]:
    """Listen with a queue that is full: who connects hears nothing at all."""
    held: list[socket.socket] = []
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        address = listener.getsockname()
        try:
            for _ in range(3):
                held.append(socket.socket())
                held[-1].setblocking(False)
                held[-1].connect_ex(address)
            yield f"http://{LOOPBACK}:{address[1]}"
        finally:
            for each in held:
                each.close()


def client_of(address: str) -> VaultClient:
    return VaultClient(address=address, user_agent="vso/test", clock=SystemClock())


async def test_row_39_black_hole_is_given_up_within_five_seconds() -> None:
    loop = asyncio.get_running_loop()

    async with full_listener() as address, client_of(address) as client:
        started = loop.time()
        with pytest.raises(ServerUnreachable, match="no connection in time"):
            await client.request(ISSUE)

    assert loop.time() - started < 6


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST, as one does who has lost all memory of a connection."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


def close_half(writer: asyncio.StreamWriter) -> None:
    writer.write_eof()


@pytest.mark.parametrize("breaks", [reset, close_half])
@pytest.mark.parametrize(
    ("ask", "kind"),
    [(READ, ConnectionLost), (ISSUE, AnswerLost)],
    ids=["read", "issue"],
)
async def test_row_39_broken_connection_is_not_used_again_and_nothing_sent_twice(
    breaks: Callable[[asyncio.StreamWriter], None],
    ask: VaultRequest,
    kind: type[OperationFailed],
) -> None:
    connections: list[int] = []  # how many requests came over each

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(connections)
        connections.append(0)
        while await asked_over(reader):
            connections[number] += 1
            if number == 0:
                breaks(writer)
            else:
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client_of(f"http://{LOOPBACK}:{port}") as client:
        with pytest.raises(kind):
            await client.request(ask)
        assert connections == [1]

        await client.request(READ)
        assert connections == [1, 1]


async def asked_over(reader: asyncio.StreamReader) -> bool:
    """Read a request; False if there comes no other."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(BODY) if head.startswith(b"PUT") else 0)
    except (asyncio.IncompleteReadError, OSError):
        return False
    return True


TrustCa = Callable[[trustme.CA], Awaitable[None]]


async def survives_all_changes_of_certificates(
    team: Team, vault: ScriptedVault, front: TlsFront, trust: TrustCa
) -> None:
    """Replace what the server shows, and the CA, in every way; nobody restarts."""
    first, second = trustme.CA(), trustme.CA()
    front.present(first)
    await trust(first)
    await team.sync()
    await team.wait_value("password", b"one")

    front.present(first)
    front.hang_up()
    put(vault, team, password="two")
    await team.wait_value("password", b"two")

    front.present(first, ends=datetime.now(UTC) - timedelta(days=1))
    assert "expired" in await refused(team, front)
    front.present(first)
    await accepted(team)

    front.present(second)
    await refused(team, front)
    await trust(second)
    await accepted(team)

    front.present(second, "vault.internal")
    await refused(team, front)
    await team.world.admin.patch(
        team.named("VaultConnection", "vault"),
        {"spec": {"tlsServerName": "vault.internal"}},
    )
    await accepted(team)

    put(vault, team, password="three")
    await team.wait_value("password", b"three")


async def refused(team: Team, front: TlsFront) -> str:
    front.hang_up()
    await unhealthy(team)
    assert decoded(await secret_of(team))["password"] == b"two"
    return await team.wait_condition(
        "False", "VaultTLSFailed", kind="VaultConnection", name="vault"
    )


async def accepted(team: Team) -> None:
    await team.wait_condition("True", "Ready", kind="VaultConnection", name="vault")
    await healthy(team)


async def secret_of(team: Team) -> Manifest:
    secret = await team.secret()
    assert secret is not None
    return secret


async def test_row_40_certificates_and_the_ca_secret_may_change(team: Team) -> None:
    async def trust(authority: trustme.CA) -> None:
        ca = base64.b64encode(authority.cert_pem.bytes()).decode()
        secret = team.named("Secret", "vault-ca") | {"data": {"ca.crt": ca}}
        await team.world.admin.apply(secret)

    async with (
        scripted(team, password="one") as vault,
        TlsFront.start(vault.address) as front,
    ):
        await team.connect(address=front.address)
        await survives_all_changes_of_certificates(team, vault, front, trust)
        await team.end()


async def test_row_40_certificates_and_the_ca_file_may_change(
    alone: World, tmp_path: Path
) -> None:
    file = tmp_path / "ca.crt"

    async def trust(authority: trustme.CA) -> None:
        await asyncio.to_thread(file.write_bytes, authority.cert_pem.bytes())

    async with alone.controller(f"--ca-path-roots={tmp_path}"):
        team = await alone.team()
        async with (
            scripted(team, password="one") as vault,
            TlsFront.start(vault.address) as front,
        ):
            await team.connect(
                address=front.address, caCertSecretRef=None, caCertPath=str(file)
            )
            await survives_all_changes_of_certificates(team, vault, front, trust)
            await team.end()


@pytest.mark.parametrize("gone", ["mount", "namespace"])
async def test_row_41_mount_or_namespace_that_is_gone_takes_nothing_away(
    team: Team, gone: str
) -> None:
    bao, mount = team.world.bao.root, f"mount-of-{team.namespace}"
    kv = await KeyValue.enable(bao, mount)
    await bao.put_policy(mount, f'path "{mount}/*" {{ capabilities = ["read"] }}')
    await team.world.auth.put_role(mount, **ANY_TEAM | {"policies": [mount]})
    await team.authenticate(
        kubernetes={
            "role": mount,
            "serviceAccount": "app-sa",
            "audiences": ["vault"],
        }
    )
    await kv.put(f"{team.namespace}/app", {"password": "one"})
    await team.sync(mount=mount)
    before = await team.wait_value("password", b"one")

    if gone == "mount":
        await bao.delete(f"sys/mounts/{mount}")
    else:
        await team.sync(mount=mount, namespace="nobody")
    await unhealthy(team)
    assert await team.secret() == before

    if gone == "mount":
        kv = await KeyValue.enable(bao, mount)
    else:
        await team.sync(mount=mount, namespace=None)
    await kv.put(f"{team.namespace}/app", {"password": "two"})
    await team.wait_value("password", b"two")
    await team.remove()


@pytest.mark.parametrize("how", ["deleted", "destroyed", "forgotten"])
async def test_row_42_version_that_is_gone_takes_nothing_away(
    team: Team, how: str
) -> None:
    await team.put(password="one")
    await team.sync()
    before = await team.wait_value("password", b"one")
    path, engine = f"{team.namespace}/app", team.world.kv.engine

    match how:
        case "deleted":
            await engine.delete(path)
        case "destroyed":
            await engine.destroy(path, 1)
        case _:
            await engine.forget(path)
    await unhealthy(team)
    assert await team.secret() == before

    await team.put(password="two")
    await team.wait_value("password", b"two")
    await healthy(team)


@pytest.mark.parametrize(
    "answer",
    [web_page(), web_page(404), Respond(200, b'{"status":"ok"}'), Respond(200, b"")],
    ids=["page", "page 404", "JSON", "nothing"],
)
async def test_row_75_answer_of_a_sidecar_is_not_taken_for_vaults(
    world: World, team: Team, answer: Respond
) -> None:
    await team.put(password="one")
    await team.sync()
    before = await team.wait_value("password", b"one")

    rule = Rule(on=Requests(path=f"/{team.namespace}/"), do=answer)
    with world.vault_proxy.faults.active(rule):
        await unhealthy(team)
        assert await team.secret() == before
    await team.put(password="two")

    await team.wait_value("password", b"two")
    await healthy(team)
