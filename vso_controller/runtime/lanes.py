"""Two lanes of keys, the one for which a person waits before the other.

Of `TURNS_PER_DUE` successive turns one goes to the due lane if both have keys, so
neither starves: the changed lane has the better share, the due lane a sure one.
Within a lane the flows take turns (see `fairline`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Generic, TypeVar

from vso_controller.runtime.fairline import FairLine

K = TypeVar("K", bound=Hashable)

TURNS_PER_DUE = 5


class Lane(IntEnum):
    """Why a key waits. The smaller goes first."""

    CHANGED = 0  # somebody changed something and looks for the effect
    DUE = 1  # the clock says so


class Lanes(Generic[K]):
    """Holds each key once, in one of the lanes."""

    def __init__(self, *, flow: Callable[[K], Hashable]) -> None:
        self._changed: FairLine[K] = FairLine(flow=flow)
        self._due: FairLine[K] = FairLine(flow=flow)
        # Turns of the changed lane since the due lane had one or had no key.
        self._passed_over = 0

    def __len__(self) -> int:
        return len(self._changed) + len(self._due)

    def put(self, key: K, lane: Lane) -> None:
        """Put `key` in `lane`, at the end of its flow.

        From the due lane it may move up. Else a key that waits keeps its place.
        """
        if lane is Lane.CHANGED:
            self._due.remove(key)
            self._changed.push(key)
        elif key not in self._changed:
            self._due.push(key)

    def pop(self) -> K:
        """Take out the key whose turn it is. Raises KeyError if there is none."""
        return self._lane_in_turn().pop()

    def _lane_in_turn(self) -> FairLine[K]:
        if self._due and self._changed and self._passed_over < TURNS_PER_DUE - 1:
            self._passed_over += 1
            return self._changed
        self._passed_over = 0
        return self._due or self._changed
