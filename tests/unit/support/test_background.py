"""Work alongside a block."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.background import alongside


async def test_work_ends_with_its_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with alongside(work()):
        await asyncio.sleep(0)

    assert ended.is_set()


async def test_failure_of_the_block_is_raised_as_it_is() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ZeroDivisionError):
        async with alongside(work()):
            raise ZeroDivisionError


async def test_failure_of_the_work_ends_the_block() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with alongside(work()):
            await asyncio.Event().wait()


async def test_more_than_one_failure_is_a_group() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError

    async def block() -> None:
        async with alongside(work()):
            await asyncio.sleep(0)  # so that the work has begun
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await block()
