"""The controllers of the cluster, run by one task.

Each is told every change, in order and some time after it was made, as controllers
beside a real API server are; between two changes requests are served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from devcluster.storage.objects import Change
from devcluster.storage.store import Observer, Store


class ControlLoop:
    """Hands changes to controllers until it is cancelled.

    What a controller did already it must not do again.
    """

    def __init__(self, *, store: Store, controllers: Sequence[Observer]) -> None:
        self._controllers = controllers
        self._changes: asyncio.Queue[Change] = asyncio.Queue()
        store.observe(self._changes.put_nowait)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._handle(await self._changes.get())
            await asyncio.sleep(0)  # a queue that is not empty gives no turn

    def settle(self) -> None:
        """Do all that is to be done, now: for a cluster that is being set up."""
        while not self._changes.empty():
            self._handle(self._changes.get_nowait())

    def _handle(self, change: Change) -> None:
        for controller in self._controllers:
            controller(change)
