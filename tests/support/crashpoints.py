"""Kills or freezes a process at one of its own requests, from outside.

The product has no switch for it: a rule of the proxy sends the SIGKILL while it
holds the request in its hands. A run without a crash tells which requests there
are; then one run for each, and each moment, covers every state in which the
process can leave the world.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from enum import Enum

from tests.support.processes import ServerProcess
from tests.support.upstream import Answer, Ask, ConnectionCut, Question


class Moment(Enum):
    """When, in the life of a request, the process that made it dies."""

    BEFORE_FORWARDING = "before its request is forwarded"
    """The server never sees the request."""
    BEFORE_ANSWER = "before its answer arrives"
    """The server has acted, and the process cannot know. What it did with the
    answer is told by the next request's BEFORE_FORWARDING."""


class Kill:
    """What a Rule does to kill `process`; with `Nth(n)` at its n-th request."""

    def __init__(self, process: ServerProcess, *, at: Moment) -> None:
        self._process = process
        self._at = at
        self._struck = asyncio.Event()

    async def answer(self, question: Question, ask: Ask) -> Answer:
        content = await question.read()
        if self._at is Moment.BEFORE_ANSWER:
            await ask(question.again(content))
        self._strike()
        raise ConnectionCut(f"{self._process.name} was killed {self._at.value}")

    async def wait_dead(self) -> None:
        """Wait until the process was struck, and is gone."""
        await self._struck.wait()
        await self._process.kill()

    def _strike(self) -> None:
        with suppress(ProcessLookupError):  # it ended by itself, or was struck before
            self._process.send_signal(signal.SIGKILL)
        self._struck.set()

    def __repr__(self) -> str:
        return f"Kill({self._process.name} {self._at.value})"


class Freeze:
    """What a Rule does to suspend `process` while an answer is on its way to it.

    The server has acted, and the answer waits where the process finds it when it
    goes on.
    """

    def __init__(self, process: ServerProcess) -> None:
        self._process = process
        self._struck = asyncio.Event()

    async def answer(self, question: Question, ask: Ask) -> Answer:
        answer = await ask(question)
        self._process.suspend()
        self._struck.set()
        return answer

    async def wait_frozen(self) -> None:
        """Wait until the process was suspended."""
        await self._struck.wait()

    def __repr__(self) -> str:
        return f"Freeze({self._process.name})"
