"""Taking turns: one at a time for each key, and nothing kept for keys at rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Line:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0  # who has the turn, and who waits for it


class Turns(Generic[K]):
    """Gives turns in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lines: dict[K, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @asynccontextmanager
    async def take(self, key: K) -> AsyncIterator[None]:
        """Have the turn of `key` for the length of the block."""
        line = self._lines.setdefault(key, _Line())
        line.length += 1
        try:
            async with line.turn:
                yield
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[key]
