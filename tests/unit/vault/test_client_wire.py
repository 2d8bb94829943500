"""What a call looks like on the wire, and where it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.fakes.vault_server import (
    JSON,
    Asked,
    Misbehaviour,
    Says,
    ScriptedServer,
    says_json,
)
from tests.unit.vault.asking import ISSUE, READ, TOKEN
from vso_controller.foundation.clock import SystemClock
from vso_controller.foundation.gojson import Number
from vso_controller.foundation.secret import Secret
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import (
    AnswerLost,
    ConnectionLost,
    InvalidConnection,
    InvalidRequest,
    RedirectRefused,
)
from vso_controller.vault.requests import Method, VaultRequest


async def test_read_carries_token_namespace_and_vaults_request_header(
    server: ScriptedServer, client: VaultClient
) -> None:
    await client.request(replace(READ, namespace="/team/a/", query={"version": "3"}))

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("GET", "/v1/secret/data/app?version=3")
    assert asked.headers["x-vault-token"] == TOKEN
    assert asked.headers["x-vault-namespace"] == "team/a"
    assert asked.headers["x-vault-request"] == "true"
    assert asked.headers["user-agent"] == "vso/test"


async def test_call_without_token_and_namespace_sends_neither_header(
    server: ScriptedServer, client: VaultClient
) -> None:
    await client.request(replace(READ, token=None))

    (asked,) = server.asked
    assert not {"x-vault-token", "x-vault-namespace"} & asked.headers.keys()


async def test_variables_that_other_clients_of_vault_read_change_nothing(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ADDR", "TOKEN", "NAMESPACE", "HEADERS", "SKIP_VERIFY", "PROXY_ADDR"):
        monkeypatch.setenv(f"VAULT_{name}", "http://canary")

    async with VaultClient(
        address=server.address,
        user_agent="vso/test",
        clock=SystemClock(),
        trust_env=True,
    ) as client:
        await client.request(replace(READ, token=None))

    (asked,) = server.asked
    assert "canary" not in asked.head


async def test_body_goes_out_as_json(
    server: ScriptedServer, client: VaultClient
) -> None:
    await client.request(replace(ISSUE, body=Secret({"ttl": Number("1.0")})))

    (asked,) = server.asked
    assert asked.method == "PUT"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == b'{"ttl":1.0}'


async def test_numbers_of_an_answer_keep_their_literal(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda _: Says(body=b'{"data":{"n":1.0,"m":12345678901234567890}}')

    reply = await client.request(READ)

    assert reply.document == Secret(
        {"data": {"n": Number("1.0"), "m": Number("12345678901234567890")}}
    )


async def test_answer_without_content_is_an_empty_document(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda _: Says(status=204, body=b"")

    assert (await client.request(ISSUE)).document == Secret({})


async def test_address_may_have_a_path_of_its_own(server: ScriptedServer) -> None:
    async with VaultClient(
        address=f"{server.address}/proxied/vault/",
        user_agent="vso/test",
        clock=SystemClock(),
    ) as client:
        await client.request(READ)

    assert server.asked[0].target == "/proxied/vault/v1/secret/data/app"


async def test_connections_headers_are_sent_and_a_logins_own_win(
    server: ScriptedServer,
) -> None:
    async with VaultClient(
        address=server.address,
        user_agent="vso/test",
        clock=SystemClock(),
        headers={"X-Team": "a", "x-route": "one"},
    ) as client:
        await client.request(replace(READ, headers={"X-Route": "two"}))

    headers = server.asked[0].headers
    assert (headers["x-team"], headers["x-route"]) == ("a", "two")


async def test_our_headers_replace_those_of_users_in_whatever_case(
    server: ScriptedServer,
) -> None:
    async with VaultClient(
        address=server.address,
        user_agent="vso/test",
        clock=SystemClock(),
        headers={"user-agent": "theirs", "ACCEPT": "text/html"},
    ) as client:
        await client.request(READ)

    lines = [(name, value) for name, value in server.asked[0].headers.items()]
    assert ("user-agent", "vso/test") in lines
    assert ("accept", "application/json") in lines
    assert "theirs" not in server.asked[0].head


async def test_each_call_has_a_name_that_the_log_shares_with_the_server(
    server: ScriptedServer,
) -> None:
    names = iter(["first", "second"])
    server.script = lambda _: says_json({"request_id": "audited", "data": {}})

    with capture_logs() as logged:
        async with VaultClient(
            address=server.address,
            user_agent="vso/test",
            clock=SystemClock(),
            new_id=lambda: next(names),
        ) as client:
            await client.request(READ)
            await client.request(READ)

    told = [(line["correlation_id"], line["request_id"]) for line in logged]
    assert told == [("first", "audited"), ("second", "audited")]
    sent = [asked.headers["x-correlation-id"] for asked in server.asked]
    assert sent == ["first", "second"]
    assert "canary" not in str(logged)


FORBIDDEN_HEADERS = [
    pytest.param({"x-vault-TOKEN": "v"}, id="token"),
    pytest.param({"X-Vault-Namespace": "v"}, id="namespace"),
    pytest.param({"X-Vault-Index": "v"}, id="index"),
    pytest.param({"X-Correlation-ID": "v"}, id="correlation"),
    pytest.param({"Host": "elsewhere"}, id="host"),
    pytest.param({"Content-Length": "0"}, id="length"),
    pytest.param({"Transfer-Encoding": "chunked"}, id="framing"),
    pytest.param({"X-A": "v\r\nX-Vault-Token: other"}, id="line break"),
    pytest.param({"X-A\r\nX-B": "v"}, id="line break in name"),
    pytest.param({"": "v"}, id="empty name"),
]


@pytest.mark.parametrize("headers", FORBIDDEN_HEADERS)
async def test_connection_with_a_forbidden_header_is_not_built(
    headers: dict[str, str],
) -> None:
    with pytest.raises(InvalidConnection):
        VaultClient(
            address="http://127.0.0.1",
            user_agent="vso/test",
            clock=SystemClock(),
            headers=headers,
        )


@pytest.mark.parametrize("headers", FORBIDDEN_HEADERS)
async def test_call_with_a_forbidden_header_is_not_sent(
    server: ScriptedServer, client: VaultClient, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest):
        await client.request(replace(READ, headers=headers))

    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("vault:8200", id="no scheme"),
        pytest.param("ftp://vault", id="foreign scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("http://user:canary@vault", id="password"),
        pytest.param("http://vault/?a=b", id="query"),
        pytest.param("http://vault/#a", id="fragment"),
        pytest.param("http://vault:99999", id="port out of range"),
        pytest.param("http://va ult", id="space"),
        pytest.param("http://0x7f.1", id="hexadecimal"),
        pytest.param("http://2130706433", id="decimal"),
        pytest.param("http://127.1", id="short"),
        pytest.param("http://0177.0.0.1", id="octal"),
        pytest.param("http://127.0.0.1.", id="dot behind"),
        pytest.param("http://a..b", id="empty label"),
        pytest.param(f"http://{'a' * 64}.example", id="long label"),
        pytest.param("http://vault/a%252e%252e/%2e%2e%2f..", id="dots"),
        pytest.param("", id="empty"),
    ],
)
async def test_unusable_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(InvalidConnection) as refused:
        VaultClient(address=address, user_agent="vso/test", clock=SystemClock())

    assert "canary" not in f"{refused.value} {refused.value!r}"


@pytest.mark.parametrize("ask", [READ, ISSUE], ids=["repeatable", "not"])
@pytest.mark.parametrize("prefix", ["", "/active"], ids=["same", "other prefix"])
async def test_redirect_to_the_same_call_on_the_same_host_is_followed(
    server: ScriptedServer, client: VaultClient, ask: VaultRequest, prefix: str
) -> None:
    redirect = f"{server.address}{prefix}/v1/{'/'.join(ask.path)}"

    def redirect_once(_: Asked) -> Says:
        if len(server.asked) > 1:
            return Says()
        return Says(status=307, headers={"Location": redirect})

    server.script = redirect_once

    await client.request(ask)

    first, second = server.asked
    assert second.target == f"{prefix}{first.target}"
    assert (second.method, second.body) == (first.method, first.body)


async def test_endless_redirect_ends_after_one(
    server: ScriptedServer, client: VaultClient
) -> None:
    server.script = lambda asked: Says(status=308, headers={"Location": asked.target})

    with pytest.raises(RedirectRefused):
        await client.request(READ)

    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_token_is_never_sent_to_another_place(
    server: ScriptedServer, client: VaultClient, status: int
) -> None:
    async with ScriptedServer().run() as elsewhere:
        target = f"{elsewhere.address}/v1/secret/data/app"
        server.script = lambda _: Says(status=status, headers={"Location": target})

        with pytest.raises(RedirectRefused):
            await client.request(READ)

    assert elsewhere.asked == []
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "location",
    [
        "/v1/sys/seal-status",
        "/v1/secret/data/app?version=2",
        "/v1/secret/data/app/../other",
        "/v1/sys/%2e%2e/v1/secret/data/app",
        "https://127.0.0.1/v1/secret/data/app",
        "http://[::bad",
        "",
    ],
)
async def test_redirect_to_another_url_of_the_same_server_is_not_followed(
    server: ScriptedServer, client: VaultClient, location: str
) -> None:
    server.script = lambda _: Says(status=307, headers={"Location": location})

    with pytest.raises(RedirectRefused):
        await client.request(READ)

    assert len(server.asked) == 1


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("repeatable", [True, False], ids=["repeatable", "not"])
@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
async def test_request_that_lost_its_connection_arrives_once(
    server: ScriptedServer,
    client: VaultClient,
    method: Method,
    repeatable: bool,
    reused: bool,
) -> None:
    if reused:
        await client.request(READ)
    server.script = lambda _: Misbehaviour.CLOSE
    server.asked.clear()

    with pytest.raises(ConnectionLost if repeatable else AnswerLost):
        await client.request(replace(ISSUE, method=method, repeatable=repeatable))

    assert len(server.asked) == 1
    (asked,) = server.asked
    assert (asked.method, asked.connection) == (method, 1)


async def test_cookies_are_not_kept(server: ScriptedServer) -> None:
    server.script = lambda _: Says(headers=JSON | {"Set-Cookie": "node=1"})

    async with VaultClient(
        address=server.address.replace("127.0.0.1", "localhost"),
        user_agent="vso/test",
        clock=SystemClock(),
    ) as client:
        await client.request(READ)
        await client.request(READ)

    assert len(server.asked) == 2

    assert all("cookie" not in asked.headers for asked in server.asked)


async def test_environments_proxy_is_used_only_on_request(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async with VaultClient(
        address="http://vault.example",
        user_agent="vso/test",
        clock=SystemClock(),
        trust_env=True,
    ) as client:
        await client.request(READ)

    assert server.asked[0].target == "http://vault.example/v1/secret/data/app"


async def test_proxy_of_the_environment_that_is_no_url_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://canary:99999999")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    with pytest.raises(InvalidConnection, match="proxy") as refused:
        VaultClient(
            address="http://vault.example",
            user_agent="vso/test",
            clock=SystemClock(),
            trust_env=True,
        )

    assert "canary" not in repr(refused.value)


async def test_no_proxy_is_heeded(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedServer().run() as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")

        async with VaultClient(
            address=server.address,
            user_agent="vso/test",
            clock=SystemClock(),
            trust_env=True,
        ) as client:
            await client.request(READ)

    assert proxy.asked == []


async def test_fence_is_asked_right_before_a_call_leaves(
    server: ScriptedServer, client: VaultClient
) -> None:
    class Shut(Exception):
        pass

    def shut() -> None:
        raise Shut

    with pytest.raises(Shut):
        await client.request(replace(ISSUE, fence=shut))
    await client.request(replace(ISSUE, fence=lambda: None))

    assert [each.method for each in server.asked] == ["PUT"]
