"""One question to Vault at a time: those who ask the same share the answer.

Who reads names the moment from which on an answer is new enough for it: when it was
woken. It takes the answer to a read that began then or later, be it under way or just
done, and asks itself if there is none. So what a change, an event or a person woke
never sees what Vault said before, and a thousand that fall due together cost one read.

Only what may be repeated is shared, and only within a session: the token decides what
the answer is. What issues something is not to be read in this way.

A read is made by the first who needs it. If that one is cancelled, one of those who
wait asks again in its place; so no request outlives all who want its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from vso_controller.credentials.answers import Answer, Answers, Question
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Denied, Gone, Invalid, OperationFailed
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession


class Answered(StrEnum):
    """How a read got its answer."""

    SENT = "sent"  # it was the one to ask
    JOINED = "joined"  # it waited for one that was under way
    KEPT = "kept"  # it came a moment after one that was done


class ReadObserver(Protocol):
    """Is told what metrics count. Called on the event loop: it must not block."""

    def vault_read(self, connection: ObjectKey, *, answered: str) -> None: ...


@dataclass(slots=True)
class _Flight:
    asked_at: float  # on the loop's clock: before the request left
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Answer | None = None  # after landing, None: whoever asked gave up


class SharedReads:
    """See the module docstring for the promises this class keeps."""

    def __init__(
        self, *, answers: Answers, observer: ReadObserver, clock: Clock
    ) -> None:
        self._answers = answers
        self._observer = observer
        self._clock = clock
        # To each question the newest that is under way. A newer answer serves all
        # whom an older one would serve, so nothing goes back in time.
        self._flights: dict[Question, _Flight] = {}

    def is_kept(self, question: Question, *, since: float) -> bool:
        """Whether the answer to a read that began at `since` or later is at hand."""
        return self._kept(question, since) is not None

    async def read(
        self,
        question: Question,
        *,
        since: float,
        ask: Callable[[], Awaitable[VaultReply]],
    ) -> VaultReply:
        """Return the answer to a read that began at `since` (loop clock) or later.

        `ask` puts the question to Vault. Who shares its answer shares its failure.
        """
        while True:
            kept = self._kept(question, since)
            if kept is not None:
                return self._given(question, kept, Answered.KEPT)
            flight = self._flights.get(question)
            if flight is None or flight.asked_at < since:
                return await self._ask(question, ask)
            await flight.landed.wait()
            if flight.answer is not None:
                return self._given(question, flight.answer, Answered.JOINED)

    def forget(self, session: VaultSession) -> None:
        """Drop what was answered to a session that nobody uses any more.

        Who waits for an answer still gets it, and nobody else does.
        """
        self._answers.forget(session)
        for question in [each for each in self._flights if each.session is session]:
            del self._flights[question]

    def clear(self) -> None:
        """Drop all answers, as `forget` does."""
        self._answers.clear()
        self._flights.clear()

    def _kept(self, question: Question, since: float) -> Answer | None:
        answer = self._answers.get(question)
        if answer is None or answer.asked_at < since:
            return None
        return answer

    async def _ask(
        self, question: Question, ask: Callable[[], Awaitable[VaultReply]]
    ) -> VaultReply:
        # No await since the look at what there is: nobody else asks meanwhile.
        flight = self._flights[question] = _Flight(asked_at=self._clock.monotonic())
        self._tell(question, Answered.SENT)
        try:
            reply = await ask()
            flight.answer = Answer(reply, flight.asked_at)
        except OperationFailed as error:
            flight.answer = Answer(error, flight.asked_at)
            raise
        finally:
            self._land(question, flight)
        return reply

    def _land(self, question: Question, flight: _Flight) -> None:
        flight.landed.set()
        if self._flights.get(question) is not flight:
            return  # a newer one is under way, or nobody shall share it any more
        del self._flights[question]
        if flight.answer is not None and _is_verdict(flight.answer):
            self._answers.keep(question, flight.answer)

    def _given(
        self, question: Question, answer: Answer, answered: Answered
    ) -> VaultReply:
        self._tell(question, answered)
        if isinstance(answer.outcome, OperationFailed):
            # One exception is raised many times: its traceback must not grow.
            raise answer.outcome.with_traceback(None)
        return answer.outcome

    def _tell(self, question: Question, answered: Answered) -> None:
        self._observer.vault_read(question.connection, answered=answered)


def _is_verdict(answer: Answer) -> bool:
    """Whether it is what Vault says, not what befell one request on its way."""
    return isinstance(answer.outcome, VaultReply | Denied | Invalid | Gone)
