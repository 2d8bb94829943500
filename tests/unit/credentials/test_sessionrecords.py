"""What the next process knows of the tokens of this one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.reconcilers.world import RECORDS, RESOURCE, World
from vso_controller.credentials.sessionrecords import SessionRecords
from vso_controller.domain.sessionrecords import read_records
from vso_controller.foundation.objects import ObservedSecret
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import Conflict, ServerFailed

pytestmark = pytest.mark.looptime

PATH = ("secret", "data", "prod", "db")
ONE, OTHER = "1" * 64, "2" * 64


@asynccontextmanager
async def leading(world: World, *, last: float = 10) -> AsyncIterator[SessionRecords]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.records.run())
        await asyncio.sleep(1)
        yield world.records
        await asyncio.sleep(last)
        task.cancel()


def stored(world: World) -> dict[str, float]:
    data = world.kubernetes.values.get(RECORDS, {})
    return {name: each.end for name, each in read_records(Secret(data)).items()}


def note(world: World, client: str, ttl: float, key: str = "kubernetes-1") -> None:
    world.records.note(client, cache_key=key, ends=world.clock.boot() + ttl)


async def test_next_process_knows_when_a_token_ends() -> None:
    world = World().in_order()
    async with leading(world):
        session = await world.pool.open(RESOURCE, "auth")
        await session.read(PATH)
        meta = session.meta()
        assert meta is not None
        client, end = meta.id, world.clock.now() + 3600
    await world.hand_over()
    assert world.records.end_of(client or "") is None

    async with leading(world) as records:
        assert records.end_of(client or "") == pytest.approx(end, abs=1)

    assert records.ends() == {meta.cache_key: records.end_of(client or "")}


async def test_many_new_tokens_are_one_write() -> None:
    world = World()
    async with leading(world):
        for number in range(100):
            note(world, f"{number:064x}", 600)
            await asyncio.sleep(0.02)

    assert world.kubernetes.writes == 1
    assert len(stored(world)) == 100


async def test_renewals_that_say_little_write_nothing() -> None:
    world = World()
    async with leading(world):
        note(world, ONE, 600)
        await asyncio.sleep(5)
        for _ in range(20):
            note(world, ONE, 600)
            await asyncio.sleep(1)

    assert world.kubernetes.writes == 1


async def test_renewal_that_says_much_is_written_before_the_old_end() -> None:
    world = World()
    async with leading(world):
        note(world, ONE, 30)
        await asyncio.sleep(20)
        note(world, ONE, 30)
        end = world.clock.now() + 30
        await asyncio.sleep(2)
        assert stored(world)[ONE] == int(end)

    assert world.kubernetes.writes == 2


async def test_token_that_ended_goes_with_the_next_write() -> None:
    world = World()
    async with leading(world):
        note(world, ONE, 20)
        await asyncio.sleep(30)
        assert stored(world).keys() == {ONE}
        note(world, OTHER, math.inf)

    assert stored(world) == {OTHER: math.inf}


async def test_write_that_fails_or_meets_another_is_made_up_for() -> None:
    world = World()
    async with leading(world, last=60):
        note(world, ONE, 600)
        await asyncio.sleep(5)
        world.kubernetes.passing["patch"] = [ServerFailed("503"), Conflict("409")]
        note(world, OTHER, 600)

    assert stored(world).keys() == {ONE, OTHER}


async def test_record_of_somebody_else_stays_and_what_is_none_goes() -> None:
    world = World()
    end = int(world.clock.now()) + 500
    record = b'{"cacheKey":"k","end":%d}' % end
    secret = ObservedSecret(RECORDS, "uid", "1", "Opaque", b"")
    world.kubernetes.put(secret, {OTHER: record, "note": b"x"})

    async with leading(world) as records:
        assert records.end_of(OTHER) == end
        note(world, ONE, 600)

    assert stored(world).keys() == {ONE, OTHER}
    assert "note" not in world.kubernetes.values[RECORDS]


async def test_what_is_news_at_the_end_is_written_at_once() -> None:
    world = World()
    async with leading(world, last=0):
        note(world, ONE, 600)
        await world.records.flush(within=1)

    assert stored(world).keys() == {ONE}


async def test_end_that_cannot_write_holds_nobody_up() -> None:
    world = World()
    world.kubernetes.delays["create"] = 60
    note(world, ONE, 600)
    begun = asyncio.get_running_loop().time()

    await world.records.flush(within=1)

    assert asyncio.get_running_loop().time() - begun == 1
