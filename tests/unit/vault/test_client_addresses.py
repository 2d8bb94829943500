"""No connection leads where no Vault may be, whatever a name stands for."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fakes.vault_server import ScriptedServer
from tests.unit.vault.asking import READ
from vso_controller.foundation.clock import SystemClock
from vso_controller.vault.client import VaultClient
from vso_controller.vault.errors import AddressNotAllowed, ServerUnreachable
from vso_controller.vault.reach import Reach, parse_rule

METADATA = "169.254.169.254"
LOOPBACK = "127.0.0.1"


class Names(AbstractResolver):
    """Answers each question with the next of its answers, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self._answers[0]
        if len(self._answers) > 1:
            del self._answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def client_of(
    server: ScriptedServer, names: Names, *rules: str, trust_env: bool = False
) -> AsyncIterator[VaultClient]:
    async with VaultClient(
        address=f"http://vault.example:{urlsplit(server.address).port}",
        user_agent="vso/test",
        clock=SystemClock(),
        reach=Reach(tuple(map(parse_rule, rules))),
        resolver=names,
        trust_env=trust_env,
    ) as client:
        yield client


@pytest.mark.parametrize("address", [METADATA, "::ffff:169.254.169.254", "fe80::1"])
async def test_name_of_a_metadata_service_is_not_connected_to(
    server: ScriptedServer, address: str
) -> None:
    async with client_of(server, Names([address])) as client:
        with pytest.raises(AddressNotAllowed, match="--vault-address-allow"):
            await client.request(READ)


async def test_name_that_changes_its_meaning_is_looked_at_for_each_connection(
    server: ScriptedServer,
) -> None:
    names = Names([LOOPBACK], [METADATA])
    async with client_of(server, names) as client:
        await client.request(READ)

    async with client_of(server, names) as client:
        with pytest.raises(AddressNotAllowed):
            await client.request(READ)

    assert len(server.asked) == 1


async def test_what_was_looked_at_is_what_is_connected_to(
    server: ScriptedServer,
) -> None:
    names = Names([LOOPBACK], [METADATA])

    async with client_of(server, names) as client:
        await client.request(READ)

    assert names.asked == 1
    assert len(server.asked) == 1


async def test_of_several_addresses_only_those_admitted_are_tried(
    server: ScriptedServer,
) -> None:
    names = Names([METADATA, LOOPBACK])

    async with client_of(server, names, "127.0.0.0/8") as client:
        await client.request(READ)

    assert len(server.asked) == 1


async def test_name_outside_of_the_list_is_not_connected_to(
    server: ScriptedServer,
) -> None:
    async with client_of(server, Names([LOOPBACK]), "10.0.0.0/8") as client:
        with pytest.raises(AddressNotAllowed):
            await client.request(READ)

    assert server.asked == []


async def test_name_without_any_address_is_unknown(server: ScriptedServer) -> None:
    async with client_of(server, Names([])) as client:
        with pytest.raises(ServerUnreachable):
            await client.request(READ)


@pytest.mark.parametrize("host", [METADATA, "[fe80::1]", "[::ffff:a9fe:a9fe]"])
async def test_address_of_a_metadata_service_makes_no_client(host: str) -> None:
    with pytest.raises(AddressNotAllowed):
        VaultClient(
            address=f"http://{host}:80", user_agent="vso/test", clock=SystemClock()
        )


async def test_proxy_resolves_the_name_and_may_be_anywhere(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    names = Names([METADATA])

    async with client_of(server, names, "vault.*", trust_env=True) as client:
        await client.request(READ)

    assert names.asked == 0
    assert server.asked[0].target.startswith("http://vault.example:")
