"""Small aids for structured concurrency."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def stop_when(event: asyncio.Event, work: Awaitable[None]) -> None:
    """Run `work` until it ends or `event` is set; then cancel it and wait for it.

    An exception of `work` is raised in an exception group.
    """
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(_as_coroutine(work))
        watcher = group.create_task(_cancel_on(event, worker))
        worker.add_done_callback(lambda _: watcher.cancel())


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


async def _cancel_on(event: asyncio.Event, worker: asyncio.Task[None]) -> None:
    await event.wait()
    worker.cancel()
