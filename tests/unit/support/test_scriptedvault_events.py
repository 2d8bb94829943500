"""The event stream of the scripted Vault, as a subscriber sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.support.scriptedvault.node import NodeState
from tests.support.scriptedvault.server import ScriptedVault
from tests.support.tls import trust
from tests.unit.support.scripted_client import client_of, read_of
from vso_controller.vault.errors import IndexNotReady

PATIENCE = 5.0  # seconds


@pytest.fixture
async def vault() -> AsyncIterator[ScriptedVault]:
    async with ScriptedVault.start() as running:
        running.kv.mount("secret")
        yield running


class Subscriber:
    """Listens to one subscription."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def event(self) -> dict[str, Any]:
        """Return the next event."""
        event: dict[str, Any] = json.loads(await self.text())
        return event

    async def text(self) -> str:
        """Return the next message as it is."""
        return await self._socket.receive_str(timeout=PATIENCE)

    async def end(self) -> tuple[aiohttp.WSMsgType, int | None]:
        """Return how the connection ends, and the code it is closed with."""
        message = await self._socket.receive(timeout=PATIENCE)
        return message.type, self._socket.close_code


@asynccontextmanager
async def subscribed(
    vault: ScriptedVault,
    pattern: str = "kv*",
    *,
    namespace: str = "",
    query: str = "json=true",
) -> AsyncIterator[Subscriber]:
    headers = {"X-Vault-Token": vault.tokens.root, "X-Vault-Namespace": namespace}
    url = f"{vault.address}/v1/sys/events/subscribe/{pattern}?{query}"
    tls = trust(vault.ca_pem)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, headers=headers, ssl=tls) as socket,
    ):
        await vault.events.wait_subscribers(1)
        yield Subscriber(socket)
    await vault.events.wait_subscribers(0)


async def status_of(vault: ScriptedVault, *, token: str, query: str) -> int:
    """Return the status with which a subscription is refused."""
    url = f"{vault.address}/v1/sys/events/subscribe/kv*?{query}"
    async with aiohttp.ClientSession(headers={"X-Vault-Token": token}) as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url)
    return refused.value.status


async def test_a_write_is_told_in_the_form_of_a_cloud_event(
    vault: ScriptedVault,
) -> None:
    async with subscribed(vault) as subscriber:
        vault.kv.put("secret", "app", {"password": "canary-value"})
        event = await subscriber.event()

    assert event["specversion"] == "1.0"
    assert event["id"] == event["data"]["event"]["id"]
    assert event["data"]["event_type"] == "kv-v2/data-write"
    assert event["data"]["plugin_info"]["mount_path"] == "secret/"
    metadata = event["data"]["event"]["metadata"]
    assert metadata["path"] == metadata["data_path"] == "secret/data/app"
    assert metadata["modified"] == "true"
    assert metadata["current_version"] == "1"
    assert "canary-value" not in json.dumps(event), "events hold nothing secret"


async def test_the_index_of_an_event_reads_what_was_written(
    vault: ScriptedVault,
) -> None:
    vault.kv.put("secret", "app", {"password": "one"})
    vault.consistency.lag()
    async with subscribed(vault) as subscriber:
        vault.kv.put("secret", "app", {"password": "two"})
        event = await subscriber.event()

    index = event["data"]["event"]["metadata"]["vault_index"]
    async with client_of(vault) as client:
        with pytest.raises(IndexNotReady):
            await client.request(read_of(vault, index=index))
        vault.consistency.catch_up()
        reply = await client.request(read_of(vault, index=index))
    assert reply.document.reveal()["data"]["data"] == {"password": "two"}


async def test_a_deletion_has_no_data_path(vault: ScriptedVault) -> None:
    vault.kv.put("secret", "app", {"password": "one"})
    async with subscribed(vault) as subscriber:
        vault.kv.delete("secret", "app")
        event = await subscriber.event()

    assert event["data"]["event_type"] == "kv-v2/data-delete"
    assert "data_path" not in event["data"]["event"]["metadata"]


async def test_a_version_1_engine_tells_of_its_own_paths(vault: ScriptedVault) -> None:
    vault.kv.mount("old", version=1)
    async with subscribed(vault) as subscriber:
        vault.kv.put("old", "app", {"password": "one"})
        event = await subscriber.event()

    assert event["data"]["event_type"] == "kv-v1/write"
    assert event["data"]["event"]["metadata"]["path"] == "old/app"


async def test_a_pattern_chooses_the_types(vault: ScriptedVault) -> None:
    async with subscribed(vault, "kv-v2/data-delete") as subscriber:
        vault.kv.put("secret", "app", {"password": "one"})
        vault.kv.delete("secret", "app")
        event = await subscriber.event()

    assert event["data"]["event_type"] == "kv-v2/data-delete"


@pytest.mark.parametrize(
    ("namespace", "query", "told"),
    [
        pytest.param("", "json=true", ["root"], id="root alone"),
        pytest.param("team", "json=true", ["team"], id="own"),
        pytest.param(
            "", "json=true&namespaces=team", ["team", "root"], id="child asked for"
        ),
        pytest.param("", "json=true&namespaces=t*", ["team", "root"], id="pattern"),
    ],
)
async def test_a_subscriber_hears_of_its_namespace_and_those_it_asks_for(
    vault: ScriptedVault, namespace: str, query: str, told: list[str]
) -> None:
    vault.kv.mount("secret", namespace="team")
    async with subscribed(vault, namespace=namespace, query=query) as subscriber:
        vault.kv.put("secret", "app", {"of": "team"}, namespace="team")
        vault.kv.put("secret", "app", {"of": "root"})
        events = [await subscriber.event() for _ in told]

    assert [event["data"].get("namespace", "root").strip("/") for event in events] == (
        told
    )


async def test_a_broken_connection_ends_without_a_word(vault: ScriptedVault) -> None:
    async with subscribed(vault) as subscriber:
        vault.events.cut()

        assert await subscriber.end() == (aiohttp.WSMsgType.CLOSED, 1006)


async def test_a_server_that_goes_says_so(vault: ScriptedVault) -> None:
    async with subscribed(vault) as subscriber, asyncio.TaskGroup() as group:
        group.create_task(vault.events.hang_up())

        assert await subscriber.end() == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_anything_can_be_said_to_subscribers(vault: ScriptedVault) -> None:
    async with subscribed(vault) as subscriber:
        vault.events.babble("<html>")

        assert await subscriber.text() == "<html>"


async def test_a_flood_arrives_in_order(vault: ScriptedVault) -> None:
    async with subscribed(vault) as subscriber:
        for number in range(500):
            vault.kv.put("secret", "app", {"number": number})
        events = [await subscriber.event() for _ in range(500)]

    versions = [
        event["data"]["event"]["metadata"]["current_version"] for event in events
    ]
    assert versions == [str(number) for number in range(1, 501)]


async def test_strangers_may_not_subscribe(vault: ScriptedVault) -> None:
    assert await status_of(vault, token="nobody", query="json=true") == 403


@pytest.mark.parametrize(
    "query", ["json=false", "", "json=true&filter=x"], ids=["protobuf", "none", "bexpr"]
)
async def test_what_is_not_scripted_is_refused(
    vault: ScriptedVault, query: str
) -> None:
    assert await status_of(vault, token=vault.tokens.root, query=query) == 400


async def test_a_vault_without_events_knows_no_such_path(vault: ScriptedVault) -> None:
    vault.events.is_enabled = False

    assert await status_of(vault, token=vault.tokens.root, query="json=true") == 404


async def test_a_standby_sends_subscribers_to_the_active_node(
    vault: ScriptedVault,
) -> None:
    vault.node.become(NodeState.STANDBY, redirects_to=vault.active_address)

    async with subscribed(vault) as subscriber:  # aiohttp follows
        vault.kv.put("secret", "app", {"password": "one"})
        assert await subscriber.event()

    assert vault.requests[-1].prefix == "/active"


async def test_events_come_over_tls() -> None:
    async with ScriptedVault.start(tls=True) as vault:
        vault.kv.mount("secret")
        async with subscribed(vault) as subscriber:
            vault.kv.put("secret", "app", {"password": "one"})
            assert await subscriber.event()
