"""Faults that befall the events of a watch, which are the lines of its answer.

Events are counted from 1, in each watch anew. The fault of an event that never
comes does not come either.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from tests.support.faults_answers import (
    Body,
    Ending,
    finish,
    of_any_length,
    silence,
)
from tests.support.upstream import Answer, Ask, Question

Events = AsyncGenerator[tuple[int, bytes], None]
"""The lines of a watch with their ends, and their numbers."""


class _Edit(ABC):
    """A fault that makes one stream of events from another."""

    __slots__ = ()

    async def answer(self, question: Question, ask: Ask) -> Answer:
        answer = of_any_length(await ask(question))
        return replace(answer, body=self._edited(answer.body))

    async def _edited(self, body: Body) -> Body:
        async with (
            aclosing(_numbered(body)) as events,
            aclosing(self._edit(events)) as edited,
        ):
            async for chunk in edited:
                yield chunk

    @abstractmethod
    def _edit(self, events: Events) -> Body: ...


@dataclass(frozen=True, slots=True)
class CutEvent(_Edit):
    """The watch ends in the middle of its n-th event."""

    n: int
    ending: Ending = Ending.RESET

    async def _edit(self, events: Events) -> Body:
        async for number, event in events:
            if number == self.n:
                yield event[: len(event) // 2]
                finish(self.ending, f"cut within event {number}")
                return
            yield event


@dataclass(frozen=True, slots=True)
class StallEvents(_Edit):
    """After so many events the watch is silent, and nothing breaks."""

    after: int

    async def _edit(self, events: Events) -> Body:
        async for number, event in events:
            if number > self.after:
                await silence()
            yield event


@dataclass(frozen=True, slots=True)
class InjectEvent(_Edit):
    """After so many events comes one that the server never sent."""

    line: bytes = field(repr=False)
    after: int = 0

    async def _edit(self, events: Events) -> Body:
        if self.after == 0:
            yield self.line
        async for number, event in events:
            yield event
            if number == self.after:
                yield self.line


@dataclass(frozen=True, slots=True)
class RepeatEvent(_Edit):
    """The n-th event comes twice."""

    n: int

    async def _edit(self, events: Events) -> Body:
        async for number, event in events:
            yield event
            if number == self.n:
                yield event


@dataclass(frozen=True, slots=True)
class DropEvent(_Edit):
    """The n-th event does not come."""

    n: int

    async def _edit(self, events: Events) -> Body:
        async for number, event in events:
            if number != self.n:
                yield event


@dataclass(frozen=True, slots=True)
class LoseDeletions(_Edit):
    """No event comes that tells of a deletion."""

    async def _edit(self, events: Events) -> Body:
        async for _, event in events:
            if json.loads(event)["type"] != "DELETED":
                yield event


@dataclass(frozen=True, slots=True)
class SwapEvents(_Edit):
    """The n-th event comes after the one that follows it."""

    n: int

    async def _edit(self, events: Events) -> Body:
        late = b""
        async for number, event in events:
            if number == self.n:
                late = event
                continue
            yield event
            if number == self.n + 1:
                yield late
                late = b""
        if late:
            yield late


async def _numbered(body: Body) -> Events:
    number = 0
    tail = b""
    async with aclosing(body):
        async for chunk in body:
            *lines, tail = (tail + chunk).split(b"\n")
            for line in lines:
                number += 1
                yield number, line + b"\n"
    if tail:
        yield number + 1, tail
