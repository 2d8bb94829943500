"""Asks the processes of the controller, again and again, whether they are ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from tests.support.background import alongside
from tests.support.oracle.records import ReadinessSeen

_PERIOD = 0.5  # seconds
_PATIENCE = aiohttp.ClientTimeout(total=1)


class Prober:
    """What all processes said to their readiness probes."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: list[ReadinessSeen] = []

    @property
    def seen(self) -> tuple[ReadinessSeen, ...]:
        """All answers so far, in order."""
        return tuple(self._seen)

    @asynccontextmanager
    async def probing(self, process: str, url: str) -> AsyncIterator[None]:
        """Ask at `url` for the length of the block."""
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as http,
            alongside(self._probe(http, process, url)),
        ):
            yield

    async def _probe(self, http: aiohttp.ClientSession, process: str, url: str) -> None:
        while True:
            ready = await _answers(http, url)
            self._seen.append(ReadinessSeen(self._clock(), process, ready))
            await asyncio.sleep(_PERIOD)


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
