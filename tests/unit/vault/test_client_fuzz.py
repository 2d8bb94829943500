"""Whatever users write, a call is what was meant, or nothing is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.vault_server import ScriptedServer, says_json
from tests.fakes.vault_transport import LoginLog, LoopClock
from tests.unit.vault.asking import READ, TOKEN
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.secret import Secret
from vso_controller.vault.additions import AddingTransport
from vso_controller.vault.auth.kubernetes import KubernetesLogin
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import InvalidRequest
from vso_controller.vault.paths import split_path
from vso_controller.vault.requests import VaultRequest
from vso_controller.vault.session import VaultSession

PIECES = st.sampled_from(
    [
        *("..", ".", "/", "//", "%2e%2e", "%2f", "%5c", "\\", "?", "#", "&", "=", ";"),
        *("\r\n", "\n", "\0", "\x7f", "\x85", "\u2025", "\uff0e\uff0e", "\ud800"),
        *("X-Vault-Token: other", "Host: other", " HTTP/1.1", ":", " ", "\t"),
        *("sys", "auth", "a", "é", "%", "+", "@", "v1", "\u2028", "\u202e"),
    ]
)
HOSTILE = st.lists(PIECES, max_size=5).map("".join) | st.text(max_size=6)
NAMES = HOSTILE | st.sampled_from(
    [
        *("X-Vault-Token", "x-vault-namespace", "HOST", "X-Vault-Request", "X-A"),
        *("Content-Length", "Transfer-Encoding", "Connection", "User-Agent", "Accept"),
    ]
)
PAIRS = st.dictionaries(NAMES, HOSTILE, max_size=2)
OURS = {
    "user-agent": "vso/test",
    "x-vault-request": "true",
    "x-vault-token": TOKEN,
    "accept": "application/json",
    "accept-encoding": "identity",
}
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


READS = st.builds(
    replace,
    st.just(READ),
    path=HOSTILE.map(lambda path: ("secret", *split_path(path))),
    namespace=HOSTILE,
    query=PAIRS,
    headers=PAIRS,
)


@SHARED
@given(ask=READS)
@example(ask=replace(READ, headers={"User-Agent": "theirs"}))
@example(ask=replace(READ, namespace=".."))
@example(ask=replace(READ, namespace="\N{CYRILLIC CAPITAL LETTER ER}"))
async def test_read_is_what_was_meant_or_is_not_sent(
    server: ScriptedServer, client: VaultClient, ask: VaultRequest
) -> None:
    server.asked.clear()

    try:
        await client.request(ask)
    except InvalidRequest:
        assert server.asked == []
        return

    (asked,) = server.asked
    target, _, sent_query = asked.target.partition("?")
    assert target.startswith("/v1/secret/")
    assert tuple(map(unquote, target.removeprefix("/v1/").split("/"))) == ask.path
    assert dict(parse_qsl(sent_query, keep_blank_values=True)) == ask.query
    assert asked.headers["host"] == server.address.removeprefix("http://")
    assert OURS.items() <= asked.headers.items()
    assert asked.headers.get("x-vault-namespace", "") == wire(ask.namespace.strip("/"))
    names = [line.partition(":")[0] for line in asked.head.split("\r\n")[1:] if line]
    assert len(names) == len({name.lower() for name in names}), "none is there twice"
    theirs = {name.lower() for name in ask.headers} - OURS.keys()
    assert {name.lower() for name in names} <= OURS.keys() | theirs | {
        *("host", "x-correlation-id", "x-vault-namespace")
    }


@SHARED
@given(mount=HOSTILE, role=HOSTILE, params=PAIRS)
async def test_login_is_what_was_meant_or_is_not_sent(
    server: ScriptedServer,
    client: VaultClient,
    mount: str,
    role: str,
    params: dict[str, str],
) -> None:
    async def request_token() -> Secret[str]:
        return Secret("canary-jwt")

    server.asked.clear()
    server.script = lambda _: says_json({"errors": []}, status=400)
    session = VaultSession(
        transport=AddingTransport(client, headers={}, login_query=params),
        login=KubernetesLogin(mount=mount, role=role, request_token=request_token),
        clock=LoopClock(),
        random=Random(7),  # noqa: S311 - spreads rests, keeps no secret
        observer=LoginLog(),
    )

    with pytest.raises(OperationFailed) as failed:
        await session.read(("secret", "app"))

    assert "canary" not in f"{failed.value!r} {failed.value.__cause__!r}"
    assert len(server.asked) <= 1
    for asked in server.asked:
        target, _, query = asked.target.partition("?")
        segments = ["auth", *split_path(mount), "login"]
        assert list(map(unquote, target.removeprefix("/v1/").split("/"))) == segments
        assert dict(parse_qsl(query, keep_blank_values=True)) == params
        assert json.loads(asked.body)["jwt"] == "canary-jwt"
        assert json.loads(asked.body).keys() == {"role", "jwt"}


def wire(text: str) -> str:
    """Return a header's value as the fake server reads it, byte by byte."""
    return text.encode().decode("latin-1")
