"""The controllers of the cluster, run by one task.

Each is told every change, in order and some time after it was made, as controllers
beside a real API server are; between two changes requests are served.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from devcluster.storage.objects import Change
from devcluster.storage.store import Store


class Controller(Protocol):
    """Acts on what happens in the cluster."""

    def handle(self, change: Change) -> None:
        """Do what follows from a change. What was done already is not done again."""
        ...


class ControlLoop:
    """Hands changes to controllers until it is cancelled."""

    def __init__(self, *, store: Store, controllers: Sequence[Controller]) -> None:
        self._controllers = controllers
        self._changes: deque[Change] = deque()
        self._news = asyncio.Event()
        store.observe(self._notice)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._changes:
                self._handle_next()
                await asyncio.sleep(0)

    def settle(self) -> None:
        """Do all that is to be done, now: for a cluster that is being set up."""
        while self._changes:
            self._handle_next()

    def _handle_next(self) -> None:
        change = self._changes.popleft()
        for controller in self._controllers:
            controller.handle(change)

    def _notice(self, change: Change) -> None:
        self._changes.append(change)
        self._news.set()
