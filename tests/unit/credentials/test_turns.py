from __future__ import annotations

import asyncio

import pytest

from vso_controller.credentials.turns import Turns

pytestmark = pytest.mark.looptime


async def test_turns_of_one_key_follow_each_other_as_asked() -> None:
    turns: Turns[str] = Turns()
    heard: list[str] = []

    async def speak(name: str) -> None:
        async with turns.take("a"):
            heard.append(f"{name} begins")
            await asyncio.sleep(1)
            heard.append(f"{name} ends")

    async with asyncio.TaskGroup() as group:
        for name in ("first", "second"):
            group.create_task(speak(name))

    assert heard == ["first begins", "first ends", "second begins", "second ends"]


async def test_other_keys_do_not_wait() -> None:
    turns: Turns[str] = Turns()

    async with asyncio.timeout(30), turns.take("a"), turns.take("b"):
        assert len(turns) == 2


async def test_nothing_is_kept_for_a_key_at_rest() -> None:
    turns: Turns[str] = Turns()

    async def give_up() -> None:
        async with asyncio.timeout(1), turns.take("a"):
            pytest.fail("somebody else has the turn")

    async with turns.take("a"):
        with pytest.raises(TimeoutError):
            await give_up()
        assert len(turns) == 1

    assert len(turns) == 0
