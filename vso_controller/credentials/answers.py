"""What Vault has just answered, kept for those who were to ask the same.

An answer is kept for a short window after it came, then dropped at once: what holds
secrets shall not lie about. The oldest go early where there are many or large ones,
which costs those who come too late a read of their own, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObjectKey
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession

MOST_ANSWERS = 1024
MOST_BYTES = 8 * 1024 * 1024
"""Bytes of all answers together as they came. In memory they take a few times that."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is read with which session. A session equals none but itself."""

    connection: ObjectKey  # the VaultConnection, for metrics
    session: VaultSession
    namespace: str
    path: tuple[str, ...]
    query: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question: a reply, or the error that Vault answered with."""

    outcome: VaultReply | OperationFailed
    asked_at: float  # on the loop's clock: before the request left

    @property
    def size(self) -> int:
        """Its bytes as it came; an error counts for nothing."""
        return self.outcome.size if isinstance(self.outcome, VaultReply) else 0


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    until: float  # on the loop's clock


class Answers:
    """Keeps the newest answer to each question for `window` seconds, if there is room.

    `most_bytes` are those of all answers together as they came.
    """

    def __init__(
        self,
        *,
        window: float,
        clock: Clock,
        most: int = MOST_ANSWERS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._window = window
        self._clock = clock
        self._most = most
        self._most_bytes = most_bytes
        # In the order in which they end. While there are any, a timer runs that fires
        # no later than the first one ends.
        self._kept: OrderedDict[Question, _Kept] = OrderedDict()
        self._bytes = 0  # of those that are kept
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Question) -> Answer | None:
        """Return the answer that is kept, if there is one."""
        kept = self._kept.get(question)
        # The timer may be late on a busy loop; the window is not longer for that.
        if kept is None or kept.until <= self._clock.monotonic():
            return None
        return kept.answer

    def keep(self, question: Question, answer: Answer) -> None:
        """Keep `answer` in place of an earlier one to the same question."""
        self._drop(question)
        if self._window <= 0 or answer.size > self._most_bytes:
            return
        until = self._clock.monotonic() + self._window
        self._kept[question] = _Kept(answer, until)
        self._bytes += answer.size
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))
        self._set_timer()

    def forget(self, session: VaultSession) -> None:
        """Drop all that was answered to `session`."""
        for question in [each for each in self._kept if each.session is session]:
            self._drop(question)

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self._bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self, question: Question) -> None:
        kept = self._kept.pop(question, None)
        if kept is not None:
            self._bytes -= kept.answer.size

    def _set_timer(self) -> None:
        if self._timer is None and self._kept:
            first = next(iter(self._kept.values()))
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(first.until, self._drop_ended)

    def _drop_ended(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._kept:
            question, first = next(iter(self._kept.items()))
            if first.until > now:
                break
            self._drop(question)
        self._set_timer()
