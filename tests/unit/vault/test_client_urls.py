"""Whatever a user writes as a path, the URL is quoted segments below `/v1/`."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.vault_server import ScriptedServer
from tests.unit.vault.asking import READ
from vso_controller.foundation.secret import Secret
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import InvalidRequest
from vso_controller.vault.paths import split_path
from vso_controller.vault.requests import VaultRequest

HOSTILE = st.sampled_from(
    [
        *("..", ".", "%2e%2e", "%252e%252e", "..%2f", "%2f", "%5c..", "..;", "\u2025"),
        *(
            "a?b=c",
            "a#b",
            "a%00",
            "a b",
            "é",
            "\uff0e\uff0e",
            "%",
            "+",
            "@",
            ":",
            "&",
            "x",
        ),
    ]
)
PATHS = st.lists(HOSTILE | st.text(max_size=8), max_size=5).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
@example(path="../../sys/raw")
@example(path="a//b")
@example(path="a\r\nX-Vault-Token: other")
@example(path="\ud800")
async def test_url_on_the_wire_is_the_quoted_segments_or_nothing_is_sent(
    server: ScriptedServer, client: VaultClient, path: str
) -> None:
    server.asked.clear()
    segments = ("secret", *split_path(path))

    try:
        await client.request(replace(READ, path=segments))
    except InvalidRequest:
        assert server.asked == []
        return

    (asked,) = server.asked
    assert asked.target.startswith("/v1/secret/")
    sent = asked.target.removeprefix("/v1/").split("/")
    assert tuple(unquote(segment) for segment in sent) == segments
    assert not {"", ".", ".."} & {unquote(unquote(segment)) for segment in sent}


@pytest.mark.parametrize(
    "segment",
    [
        *("", ".", "..", "%2e", "%2E%2e", "%252e%252e", "%25252e.", "a%2fb", "a/b"),
        *("..\\x", "a%5c..", "a\x00", "a\n", "%0d%0a", "\x7f", "\x85", "\ud800"),
        *("\uff0e\uff0e", "\u2025", "a/../b"),
    ],
)
async def test_segment_that_could_mean_another_path_is_refused(
    server: ScriptedServer, client: VaultClient, segment: str
) -> None:
    with pytest.raises(InvalidRequest):
        await client.request(replace(READ, path=("secret", segment)))

    assert server.asked == []


@pytest.mark.parametrize(
    ("segment", "quoted"),
    [
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("a%20b", "a%2520b"),
        ("what?", "what%3F"),
        ("#1", "%231"),
        ("ünï", "%C3%BCn%C3%AF"),
        ("...", "..."),
        (".hidden", ".hidden"),
        ("a;b=c,d@e:f", "a%3Bb%3Dc%2Cd%40e%3Af"),
    ],
)
async def test_unusual_segment_is_quoted(
    server: ScriptedServer, client: VaultClient, segment: str, quoted: str
) -> None:
    await client.request(replace(READ, path=("secret", segment)))

    assert server.asked[0].target == f"/v1/secret/{quoted}"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(replace(READ, query={"a": "b\r\nc"}), id="query"),
        pytest.param(replace(READ, namespace="a\r\nX-Vault-Token: b"), id="namespace"),
        pytest.param(replace(READ, namespace="\ud800"), id="namespace surrogate"),
        pytest.param(replace(READ, token=Secret("a\r\nX: b")), id="token"),
        pytest.param(replace(READ, index="a\r\nX: b"), id="index"),
    ],
)
async def test_control_characters_elsewhere_are_refused(
    server: ScriptedServer, client: VaultClient, ask: VaultRequest
) -> None:
    with pytest.raises(InvalidRequest):
        await client.request(ask)

    assert server.asked == []


@pytest.mark.parametrize(
    ("namespace", "sent"),
    [
        ("", None),
        ("/", None),
        ("team", "team"),
        ("/team/a/", "team/a"),
        ("team/a/b", "team/a/b"),
    ],
)
async def test_namespace_is_a_header_without_slashes_at_its_ends(
    server: ScriptedServer, client: VaultClient, namespace: str, sent: str | None
) -> None:
    await client.request(replace(READ, namespace=namespace))

    assert server.asked[0].headers.get("x-vault-namespace") == sent


@pytest.mark.parametrize(
    "namespace", ["team//a", "..", "team/../other", "a/%2e%2e/b", " team", "team\u2003"]
)
async def test_namespace_that_could_be_read_as_another_is_refused(
    server: ScriptedServer, client: VaultClient, namespace: str
) -> None:
    with pytest.raises(InvalidRequest, match="the namespace"):
        await client.request(replace(READ, namespace=namespace))

    assert server.asked == []


async def test_query_is_quoted(server: ScriptedServer, client: VaultClient) -> None:
    await client.request(replace(READ, query={"version": "1&x=/../?#"}))

    target = server.asked[0].target
    assert target == "/v1/secret/data/app?version=1%26x%3D%2F..%2F%3F%23"


def test_slashes_at_the_ends_of_a_path_do_not_count() -> None:
    assert split_path("//a/b/") == ("a", "b")
