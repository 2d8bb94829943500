"""The changes of one collection, in order, for one reader."""

from __future__ import annotations

import asyncio

from devcluster.storage.objects import Change


class Ended(Exception):
    """The collection is not served any more, or the server stops."""


class Overrun(Exception):
    """The reader fell too far behind; what it missed is not kept for it."""


class Subscription:
    """Holds what was written and not read yet, up to `limit` changes."""

    def __init__(self, *, namespace: str, since: int, limit: int) -> None:
        self._namespace = namespace  # "" for all
        self._since = since
        self._pending: list[Change] = []
        self._limit = limit
        self._ended = False
        self._news = asyncio.Event()

    def offer(self, change: Change) -> None:
        """Add a change if it is one to listen to. The writer never waits."""
        is_here = self._namespace in {"", change.current.key.namespace}
        if is_here and change.revision > self._since:
            self._pending.append(change)
            self._news.set()

    def end(self) -> None:
        """Let the reader take what is there and then no more."""
        self._ended = True
        self._news.set()

    async def take(self) -> list[Change]:
        """Wait for changes and return all there are.

        Raises `Ended` when none is left and none can come, `Overrun` when too many
        wait.
        """
        await self._news.wait()
        if len(self._pending) > self._limit:
            raise Overrun
        if not self._pending:
            raise Ended
        taken, self._pending = self._pending, []
        if not self._ended:
            self._news.clear()
        return taken
