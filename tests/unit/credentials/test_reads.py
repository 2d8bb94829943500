"""Who shares an answer with whom, case by case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from traceback import walk_tb

import pytest

from tests.fakes.vault_transport import LoopClock
from tests.unit.credentials.questions import (
    ReadCount,
    question_of,
    reply,
    session_of,
    until,
)
from vso_controller.credentials.answers import Answers, Question
from vso_controller.credentials.reads import SharedReads
from vso_controller.foundation.errors import OperationFailed
from vso_controller.vault.errors import ConnectionLost, PathNotFound, PermissionDenied
from vso_controller.vault.requests import VaultReply

pytestmark = pytest.mark.looptime

WINDOW = 10.0


class Desk:
    """Where readers ask. An answer takes a second, and is the number of its request."""

    def __init__(self, *, window: float = WINDOW) -> None:
        self.count = ReadCount()
        self.asked = 0
        self.answers = Answers(window=window, clock=LoopClock())
        self.failure: OperationFailed | None = None
        self.question = question_of(session_of())
        self.reads = SharedReads(
            answers=self.answers, observer=self.count, clock=LoopClock()
        )

    async def ask(self) -> VaultReply:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(1)
        if self.failure is not None:
            raise self.failure
        return reply(number)

    async def read(
        self,
        *,
        since: float = 0,
        question: Question | None = None,
        ask: Callable[[], Awaitable[VaultReply]] | None = None,
    ) -> object:
        answered = await self.reads.read(
            question or self.question, since=since, ask=ask or self.ask
        )
        return answered.document.reveal()["data"]


async def results(*reads: Awaitable[object]) -> list[object]:
    """Return what becomes of reads that begin together."""

    async def result(read: Awaitable[object]) -> object:
        try:
            return await read
        except OperationFailed as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(result(read)) for read in reads]
    return [task.result() for task in tasks]


async def test_thousand_who_ask_the_same_cost_one_read() -> None:
    desk = Desk()

    seen = await results(*(desk.read() for _ in range(1000)))

    assert seen == [1] * 1000
    assert desk.count.answered == {"sent": 1, "joined": 999}


async def test_who_comes_a_moment_later_takes_the_answer_that_is_kept() -> None:
    desk = Desk()
    await desk.read()

    await asyncio.sleep(WINDOW - 0.1)

    assert await desk.read() == 1
    assert desk.count.answered == {"sent": 1, "kept": 1}


async def test_after_the_window_everybody_asks_anew() -> None:
    desk = Desk()
    await desk.read()

    await asyncio.sleep(WINDOW)

    assert await desk.read() == 2


async def test_who_was_woken_after_a_read_began_does_not_join_it() -> None:
    desk = Desk()

    async with asyncio.TaskGroup() as group:
        early = group.create_task(desk.read())
        await until(0.5)
        woken = group.create_task(desk.read(since=0.5))
        await until(0.7)
        late = group.create_task(desk.read(since=0.6))
        patient = group.create_task(desk.read(since=0.2))

    assert early.result() == 1
    assert woken.result() == 2
    assert late.result() == patient.result() == 3, "the newest serves all"


async def test_who_was_woken_after_a_read_began_does_not_take_its_answer() -> None:
    desk = Desk()
    await desk.read()

    assert await desk.read(since=0.1) == 2
    assert await desk.read(since=0.9) == 2, "that one began at 1"


async def test_answer_that_comes_late_replaces_no_newer_one() -> None:
    desk = Desk()

    async def slowly() -> VaultReply:
        await asyncio.sleep(5)
        return reply("old")

    async with asyncio.TaskGroup() as group:
        group.create_task(desk.read(ask=slowly))
        await until(1)
        assert await desk.read(since=1) == 1

    assert await desk.read() == 1


async def test_question_of_another_session_path_or_version_is_another() -> None:
    desk = Desk()
    session, other = session_of(), session_of()

    seen = await results(
        desk.read(question=question_of(session)),
        desk.read(question=question_of(other)),
        desk.read(question=question_of(session, "other")),
        desk.read(question=question_of(session, version="2")),
    )

    assert seen == [1, 2, 3, 4]


async def test_failure_of_a_shared_read_is_that_of_all_who_wait() -> None:
    desk = Desk()
    desk.failure = ConnectionLost("gone")

    seen = await results(*(desk.read() for _ in range(3)))

    assert seen == [desk.failure] * 3
    assert desk.asked == 1


async def test_what_befell_one_request_is_not_kept() -> None:
    desk = Desk()
    desk.failure = ConnectionLost("gone")
    await results(desk.read())

    desk.failure = None

    assert await desk.read() == 2


@pytest.mark.parametrize("verdict", [PermissionDenied("no"), PathNotFound("nothing")])
async def test_verdict_is_kept_for_who_was_woken_before(
    verdict: OperationFailed,
) -> None:
    desk = Desk()
    desk.failure = verdict
    await results(desk.read())

    assert await results(desk.read()) == [verdict]
    assert desk.asked == 1
    await results(desk.read(since=0.1))
    assert desk.asked == 2, "who failed by it asks anew"


async def test_traceback_of_a_shared_failure_does_not_grow() -> None:
    desk = Desk()
    desk.failure = PermissionDenied("no")
    await results(*(desk.read() for _ in range(5)))

    lengths = set()
    for _ in range(5):
        [failure] = await results(desk.read())
        assert isinstance(failure, OperationFailed)
        lengths.add(len(list(walk_tb(failure.__traceback__))))
        assert failure.__context__ is None

    assert len(lengths) == 1


async def test_one_of_those_who_wait_goes_on_for_who_is_cancelled() -> None:
    desk = Desk()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(desk.read())
        await asyncio.sleep(0)
        others = [group.create_task(desk.read()) for _ in range(3)]
        await until(0.5)
        first.cancel()

    assert first.cancelled()
    assert [each.result() for each in others] == [2, 2, 2]
    assert desk.count.answered == {"sent": 2, "joined": 2}


async def test_who_waits_is_cancelled_alone() -> None:
    desk = Desk()

    async with asyncio.TaskGroup() as group:
        first, second, third = (group.create_task(desk.read()) for _ in range(3))
        await until(0.5)
        second.cancel()

    assert (first.result(), third.result()) == (1, 1)
    assert second.cancelled()


async def test_request_ends_when_nobody_wants_its_answer() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(desk.read()) for _ in range(3)]
        await until(0.5)
        for task in tasks:
            task.cancel()

    assert desk.asked == 1
    assert await desk.read() == 2, "nothing is left of it"


async def test_bug_of_one_reader_is_not_that_of_the_others() -> None:
    desk = Desk()

    async def crash() -> VaultReply:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    async def crashes() -> object:
        with pytest.raises(ZeroDivisionError):
            await desk.read(ask=crash)
        return "crashed"

    assert await results(crashes(), desk.read()) == ["crashed", 1]


async def test_reads_under_way_are_shared_without_a_window() -> None:
    desk = Desk(window=0)

    assert await results(desk.read(), desk.read()) == [1, 1]
    assert await desk.read() == 2


@pytest.mark.parametrize("everything", [True, False])
async def test_nobody_joins_what_is_forgotten(everything: bool) -> None:
    desk = Desk()

    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(desk.read()) for _ in range(2)]
        await until(0.5)
        if everything:
            desk.reads.clear()
        else:
            desk.reads.forget(desk.question.session)
        assert await desk.read() == 2

    assert [each.result() for each in waiting] == [1, 1]
    assert await desk.read() == 2, "an answer that nobody may share is not kept"
