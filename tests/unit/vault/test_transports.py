"""What stands between a session and its client."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.fakes.vault_transport import LoopClock
from tests.unit.vault.asking import ISSUE, READ
from vso_controller.foundation.secret import Secret
from vso_controller.vault.additions import AddingTransport
from vso_controller.vault.consistency import ConsistentTransport
from vso_controller.vault.errors import IndexNotReady, PathNotFound
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest


class Cluster:
    """A Transport whose node catches up at a time on the loop's clock."""

    def __init__(self, *, catches_up: float = 0, index: str = "") -> None:
        self.asked: list[VaultRequest] = []
        self._catches_up = catches_up
        self._index = index

    async def request(self, request: VaultRequest) -> VaultReply:
        self.asked.append(request)
        behind = asyncio.get_running_loop().time() < self._catches_up
        if request.index and behind:
            raise IndexNotReady("behind")
        index = "" if request.repeatable else self._index
        return VaultReply(200, Secret({}), index=index)


async def test_server_without_indexes_is_sent_none() -> None:
    cluster = Cluster()
    transport = ConsistentTransport(cluster, clock=LoopClock())

    await transport.request(ISSUE)
    await transport.request(READ)

    assert [asked.index for asked in cluster.asked] == ["", ""]


async def test_index_of_a_write_goes_with_all_that_follows() -> None:
    cluster = Cluster(index="one")
    transport = ConsistentTransport(cluster, clock=LoopClock())

    await transport.request(ISSUE)
    await transport.request(READ)
    await transport.request(READ)

    assert [asked.index for asked in cluster.asked] == ["", "one", "one"]


async def test_call_that_asks_for_a_state_is_asked_with_that() -> None:
    cluster = Cluster(index="one")
    transport = ConsistentTransport(cluster, clock=LoopClock())
    await transport.request(ISSUE)

    await transport.request(replace(READ, index="of an event"))

    assert cluster.asked[-1].index == "of an event"


@pytest.mark.looptime
async def test_node_that_catches_up_in_time_answers() -> None:
    cluster = Cluster(index="one", catches_up=1.0)
    transport = ConsistentTransport(cluster, clock=LoopClock())
    await transport.request(ISSUE)

    await transport.request(READ)

    assert 1.0 <= asyncio.get_running_loop().time() < 2.0


@pytest.mark.looptime
async def test_node_that_never_catches_up_is_told_within_five_seconds() -> None:
    cluster = Cluster(index="one", catches_up=3600)
    transport = ConsistentTransport(cluster, clock=LoopClock())
    await transport.request(ISSUE)

    with pytest.raises(IndexNotReady):
        await transport.request(READ)

    assert asyncio.get_running_loop().time() <= 5


@pytest.mark.looptime
async def test_index_that_no_node_will_ever_have_is_given_up_after_a_minute() -> None:
    cluster = Cluster(index="one", catches_up=math.inf)
    transport = ConsistentTransport(cluster, clock=LoopClock())
    await transport.request(ISSUE)

    while cluster.asked[-1].index or cluster.asked[-1] == ISSUE:
        with suppress(IndexNotReady):
            await transport.request(READ)

    assert 60 <= asyncio.get_running_loop().time() < 65


async def test_other_failures_are_not_repeated() -> None:
    class Empty(Cluster):
        async def request(self, request: VaultRequest) -> VaultReply:
            await super().request(request)
            raise PathNotFound("nothing")

    cluster = Empty()
    transport = ConsistentTransport(cluster, clock=LoopClock())

    with pytest.raises(PathNotFound):
        await transport.request(READ)

    assert len(cluster.asked) == 1


async def test_headers_go_with_every_call_and_parameters_with_logins() -> None:
    cluster = Cluster()
    transport = AddingTransport(
        cluster, headers={"X-Team": "a"}, login_query={"region": "eu"}
    )

    await transport.request(replace(READ, query={"version": "2"}))
    await transport.request(replace(ISSUE, operation=Operation.LOGIN))

    read, login = cluster.asked
    assert (read.headers, read.query) == ({"X-Team": "a"}, {"version": "2"})
    assert (login.headers, login.query) == ({"X-Team": "a"}, {"region": "eu"})


async def test_what_a_call_has_itself_wins() -> None:
    cluster = Cluster()
    transport = AddingTransport(
        cluster, headers={"X-Route": "theirs"}, login_query={"a": "theirs"}
    )
    login = replace(ISSUE, operation=Operation.LOGIN, query={"a": "ours"})

    await transport.request(replace(login, headers={"X-Route": "ours"}))

    (asked,) = cluster.asked
    assert (asked.headers, asked.query) == ({"X-Route": "ours"}, {"a": "ours"})
