"""Faults that befall a request: on its way, or because of how it is answered."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, replace

from tests.support.faults_documents import (
    HTML,
    phrase,
    status_document,
    vault_errors,
)
from tests.support.upstream import Answer, Ask, ConnectionCut, Question, in_one_piece


@dataclass(frozen=True, slots=True)
class Delay:
    """The request is held back before it goes on its way."""

    seconds: float

    async def answer(self, question: Question, ask: Ask) -> Answer:
        await asyncio.sleep(self.seconds)
        return await ask(question)


@dataclass(frozen=True, slots=True)
class Respond:
    """The request is answered in place of the server, which never sees it."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    retry_after: int | None = None  # seconds; None: no such header

    async def answer(self, question: Question, ask: Ask) -> Answer:
        await question.read()
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
        }
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return Answer(
            status=self.status,
            reason=phrase(self.status),
            headers=headers,
            body=in_one_piece(self.body),
        )

    def __repr__(self) -> str:
        return f"Respond({self.status} {self.content_type})"


def kubernetes_failure(
    code: int, message: str = "", *, retry_after: int | None = None
) -> Respond:
    """Answer as an API server that cannot serve. `retry_after` is in seconds."""
    document = status_document(code, message, retry_after=retry_after)
    return Respond(code, document, retry_after=retry_after)


def vault_failure(code: int, *messages: str) -> Respond:
    """Answer as a Vault that cannot serve."""
    return Respond(code, vault_errors(*messages))


def web_page(status: int = 200) -> Respond:
    """Answer as a proxy or a login page that took the place of the server."""
    return Respond(status, HTML, content_type="text/html; charset=utf-8")


@dataclass(frozen=True, slots=True)
class SmallPages:
    """A list is asked for in pages of so many objects, whatever the client wished."""

    limit: int

    async def answer(self, question: Question, ask: Ask) -> Answer:
        target = re.sub(r"\blimit=\d+", f"limit={self.limit}", question.target)
        return await ask(replace(question, target=target))


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection breaks before the server has seen the request."""

    async def answer(self, question: Question, ask: Ask) -> Answer:
        await question.read()
        raise ConnectionCut("reset before the request was forwarded")


@dataclass(frozen=True, slots=True)
class BlackHole:
    """The request is accepted and never answered; the server does not see it."""

    async def answer(self, question: Question, ask: Ask) -> Answer:
        await question.read()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")


@dataclass(frozen=True, slots=True)
class SwallowAnswer:
    """The server acts on the request, then the connection breaks."""

    async def answer(self, question: Question, ask: Ask) -> Answer:
        answer = await ask(question)
        raise ConnectionCut(f"the answer {answer.status} was swallowed")


@dataclass(frozen=True, slots=True)
class FailLate:
    """The server acts on the request, and `failure` is the answer all the same.

    So does a load balancer that waited for too short a time, or an etcd that changed
    its leader.
    """

    failure: Respond

    async def answer(self, question: Question, ask: Ask) -> Answer:
        await ask(question)
        return await self.failure.answer(question, ask)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The server gets the request twice, the client the answer to the second.

    So does a load balancer, or an HTTP library, that repeats what it thinks lost.
    """

    async def answer(self, question: Question, ask: Ask) -> Answer:
        content = await question.read()
        first = await ask(question.again(content))
        await first.read()
        return await ask(question.again(content))


class Overtake:
    """Of two requests, the second reaches the server first.

    The first is held until the next one that this acts on has been answered, for
    `at_most` seconds.
    """

    def __init__(self, *, at_most: float) -> None:
        self._at_most = at_most
        self._held: asyncio.Event | None = None  # set when it has been overtaken

    async def answer(self, question: Question, ask: Ask) -> Answer:
        if self._held is None:
            await self._be_overtaken()
            return await ask(question)
        overtaken, self._held = self._held, None
        try:
            return await ask(question)
        finally:
            overtaken.set()

    async def _be_overtaken(self) -> None:
        overtaken = self._held = asyncio.Event()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._at_most):
                    await overtaken.wait()
        finally:
            if self._held is overtaken:
                self._held = None

    def __repr__(self) -> str:
        return f"Overtake(at_most={self._at_most})"
