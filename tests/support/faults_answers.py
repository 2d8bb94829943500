"""Faults that befall the body of an answer, byte by byte.

The server has acted by then. What happens to the events of a watch, one by one,
is in `faults_events`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum, auto

from multidict import CIMultiDict

from tests.support.upstream import Answer, Ask, ConnectionCut, Question

Body = AsyncGenerator[bytes, None]


class Ending(Enum):
    """How an answer ends too early."""

    RESET = auto()  # its connection breaks
    CLEAN = auto()  # as if that had been all

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Truncate:
    """The answer ends after so many bytes. One that is shorter is whole."""

    after: int
    ending: Ending = Ending.RESET

    async def answer(self, question: Question, ask: Ask) -> Answer:
        answer = of_any_length(await ask(question))
        return replace(answer, body=self._cut(answer.body))

    async def _cut(self, body: Body) -> Body:
        left = self.after
        async with aclosing(_first(body, self.after)) as chunks:
            async for chunk in chunks:
                yield chunk
                left -= len(chunk)
        if left == 0:
            finish(self.ending, f"cut after {self.after} bytes")


@dataclass(frozen=True, slots=True)
class Stall:
    """After so many bytes of the answer nothing comes, and nothing breaks."""

    after: int

    async def answer(self, question: Question, ask: Ask) -> Answer:
        answer = await ask(question)
        return replace(answer, body=self._hang(answer.body))

    async def _hang(self, body: Body) -> Body:
        left = self.after
        async with aclosing(_first(body, self.after)) as chunks:
            async for chunk in chunks:
                yield chunk
                left -= len(chunk)
        if left == 0:
            await silence()


@dataclass(frozen=True, slots=True)
class Drip:
    """The answer comes in pieces of `size` bytes, a pause of seconds before each."""

    pause: float
    size: int = 1

    async def answer(self, question: Question, ask: Ask) -> Answer:
        answer = await ask(question)
        return replace(answer, body=self._slowly(answer.body))

    async def _slowly(self, body: Body) -> Body:
        async with aclosing(body):
            async for chunk in body:
                for start in range(0, len(chunk), self.size):
                    await asyncio.sleep(self.pause)
                    yield chunk[start : start + self.size]


async def _first(body: Body, size: int) -> Body:
    """Yield the first `size` bytes."""
    left = size
    async with aclosing(body):
        while left > 0 and (chunk := await anext(body, b"")):
            yield chunk[:left]
            left -= len(chunk)


def of_any_length(answer: Answer) -> Answer:
    """Return the answer without the promise of how long its body will be."""
    headers = CIMultiDict(answer.headers)
    headers.popall("Content-Length", None)
    return replace(answer, headers=headers)


def finish(ending: Ending, why: str) -> None:
    """Raise ConnectionCut if the body is to break where its caller ends it."""
    if ending is Ending.RESET:
        raise ConnectionCut(why)


async def silence() -> None:
    """Wait until the client has had enough, which cancels this."""
    await asyncio.Event().wait()
