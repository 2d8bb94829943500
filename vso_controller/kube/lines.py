"""Whole lines from a body that arrives in pieces of any size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Protocol

import aiohttp

from vso_controller.kube.errors import ConnectionFailed
from vso_controller.kube.statuses import shorten


class Body(Protocol):
    """A body as aiohttp reads it: whatever has arrived, b"" at its end."""

    async def readany(self) -> bytes: ...


async def lines_of(
    body: Body, *, call: str, deadline: float, largest: int
) -> AsyncGenerator[bytes]:
    """Yield the lines of `body` without their ends; empty ones are left out.

    Raises ConnectionFailed when the stream breaks, ends within a line, brings
    more than `largest` bytes without an end of line, or is still silent at
    `deadline` (on the loop's clock).
    """
    tail = bytearray()
    while chunk := await _next_chunk(body, call, deadline):
        tail += chunk
        if b"\n" in chunk:
            *lines, rest = bytes(tail).split(b"\n")
            tail = bytearray(rest)
            for line in filter(None, lines):
                yield line
        if len(tail) > largest:
            raise ConnectionFailed(f"{call}: a line of more than {largest} bytes")
    if tail:
        raise ConnectionFailed(f"{call}: the stream ended within a line")


async def _next_chunk(body: Body, call: str, deadline: float) -> bytes:
    try:
        async with asyncio.timeout_at(deadline):
            return await body.readany()
    except TimeoutError as error:
        raise ConnectionFailed(f"{call}: the stream passed its deadline") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectionFailed(f"{call}: {shorten(str(error))}") from error
