"""Work that goes on while a block runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def alongside(*work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run `work` for the length of the `async with` block, then cancel it.

    A failure of the work ends the block. One failure, of the block or the work, is
    raised as it is; more than one as an exception group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        if len(failures.exceptions) > 1:
            raise
        raise failures.exceptions[0] from None
