from __future__ import annotations

import asyncio

import pytest

from tests.fakes.vault_transport import LoopClock
from tests.unit.credentials.questions import answer, question_of, session_of
from vso_controller.credentials.answers import Answers

pytestmark = pytest.mark.looptime

WINDOW = 10.0


class BlockedClock(LoopClock):
    """The clock of a loop that has been blocked: its timers have not run."""

    blocked = 0.0  # seconds

    def monotonic(self) -> float:
        return super().monotonic() + self.blocked


def keeping(*, most: int = 100, most_bytes: int = 1000) -> Answers:
    return Answers(window=WINDOW, clock=LoopClock(), most=most, most_bytes=most_bytes)


async def test_answer_is_dropped_when_its_window_ends() -> None:
    answers = keeping()
    first, second = (question_of(session_of(), path) for path in ("one", "other"))
    answers.keep(first, answer())
    await asyncio.sleep(4)
    answers.keep(second, answer())

    await asyncio.sleep(WINDOW - 4 - 0.1)
    assert len(answers) == 2
    await asyncio.sleep(0.2)
    assert (answers.get(first), answers.get(second)) == (None, answer())
    assert len(answers) == 1, "what is not given any more is not held either"
    await asyncio.sleep(4)
    assert len(answers) == 0


async def test_window_is_no_longer_on_a_loop_that_is_blocked() -> None:
    clock = BlockedClock()
    answers = Answers(window=WINDOW, clock=clock)
    question = question_of(session_of())
    answers.keep(question, answer())

    clock.blocked = WINDOW

    assert answers.get(question) is None


async def test_newer_answer_takes_the_place_and_a_window_of_its_own() -> None:
    answers = keeping(most=2)
    session = session_of()
    replaced, other = question_of(session, "replaced"), question_of(session, "other")
    answers.keep(replaced, answer(size=600))
    answers.keep(other, answer())
    await asyncio.sleep(WINDOW - 1)

    answers.keep(replaced, answer(size=900, asked_at=7))
    await asyncio.sleep(2)

    assert answers.get(replaced) == answer(size=900, asked_at=7)
    assert answers.get(other) is None


async def test_oldest_go_where_there_are_too_many() -> None:
    answers = keeping(most=3)
    questions = [question_of(session_of(), str(n)) for n in range(5)]

    for question in questions:
        answers.keep(question, answer())

    kept = [question for question in questions if answers.get(question)]
    assert kept == questions[2:]


async def test_oldest_go_where_they_are_too_large() -> None:
    answers = keeping(most_bytes=1000)
    questions = [question_of(session_of(), str(n)) for n in range(4)]

    for question, size in zip(questions, (10, 500, 400, 300), strict=True):
        answers.keep(question, answer(size=size))

    kept = [question for question in questions if answers.get(question)]
    assert kept == questions[2:]


async def test_answer_that_is_too_large_drives_out_no_other() -> None:
    answers = keeping(most_bytes=1000)
    small, large = (question_of(session_of(), path) for path in ("small", "large"))
    answers.keep(small, answer(size=10))

    answers.keep(large, answer(size=1001))

    assert answers.get(small) is not None
    assert answers.get(large) is None


async def test_what_is_forgotten_is_gone_and_makes_room() -> None:
    answers = keeping(most_bytes=1000)
    gone, other = session_of(), session_of()
    answers.keep(question_of(gone, "one"), answer(size=500))
    answers.keep(question_of(other, "one"), answer(size=500))

    answers.forget(gone)
    answers.keep(question_of(other, "other"), answer(size=500))

    assert answers.get(question_of(gone, "one")) is None
    assert len(answers) == 2


async def test_nothing_is_left_of_what_is_cleared() -> None:
    answers = keeping(most_bytes=1000)
    question = question_of(session_of())
    answers.keep(question, answer(size=900))

    answers.clear()
    answers.clear()
    answers.keep(question, answer(size=900))

    assert answers.get(question) is not None


async def test_window_without_length_keeps_nothing() -> None:
    answers = Answers(window=0, clock=LoopClock())

    answers.keep(question_of(session_of()), answer())

    assert len(answers) == 0
