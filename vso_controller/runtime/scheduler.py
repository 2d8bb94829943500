"""What is due when: one heap of due times behind one timer of the event loop.

A timer per object would cost ten times the memory and could not tell what is due
next. An entry that is replaced or cancelled stays in the heap until it comes to
the top, or until such entries are a third of all; then the heap is rebuilt.

Due times are on the boot clock, so time goes on while the machine sleeps. The
loop's own timers stand still then and nobody wakes them: so while there is
anything to wait for, the boot clock is read with each plan, and every
`LONGEST_TIMER` seconds.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from vso_controller.foundation.clock import Clock

K = TypeVar("K", bound=Hashable)

LONGEST_TIMER = 10.0
"""Seconds: so soon after a resume is what fell due in the sleep handed out."""

_SMALL = 64  # a heap of this size is never worth a rebuild


class Scheduler(Generic[K]):
    """Calls `wake(key)` once when the time of a key has come, never before.

    Times are seconds on the boot clock. What falls due together, be it through a
    suspend, is handed out in order of due time. `wake` must neither block nor raise.
    """

    def __init__(self, *, wake: Callable[[K], None], clock: Clock) -> None:
        self._wake = wake
        self._clock = clock
        # The one live entry of each key; what else is in the heap is stale.
        self._entries: dict[K, tuple[float, int, K]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = itertools.count()  # entries compare before their keys would
        # While there are entries, a timer runs that fires no later than the first
        # is due, as the loop sees time.
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def next_due(self) -> float | None:
        """The earliest due time, None when nothing is scheduled."""
        self._drop_stale_top()
        return self._heap[0][0] if self._heap else None

    @property
    def overdue(self) -> float:
        """Seconds by which the earliest entry is late, 0 when none is."""
        due = self.next_due
        return 0.0 if due is None else max(0.0, self._clock.boot() - due)

    def schedule(self, key: K, due: float) -> None:
        """Let `key` be due at `due`, in place of any earlier plan for it.

        Raises ValueError if `due` is not a number.
        """
        if math.isnan(due):
            raise ValueError(f"the due time of {key} is not a number")
        entry = (due, next(self._order), key)
        self._entries[key] = entry
        heapq.heappush(self._heap, entry)
        self._compact()
        self._set_timer()

    def bring_forward(self, key: K, due: float) -> None:
        """Let `key` be due at `due`, unless it is due sooner anyway."""
        planned = self._entries.get(key)
        if planned is None or due < planned[0]:
            self.schedule(key, due)

    def cancel(self, key: K) -> None:
        """Let `key` not be due. It is no error if it was not."""
        if self._entries.pop(key, None) is not None:
            self._compact()

    def close(self) -> None:
        """Drop every entry and stop the timer."""
        self._entries.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        due = self._take_due()
        self._set_timer()
        for key in due:
            self._wake(key)

    def _take_due(self) -> list[K]:
        now = self._clock.boot()
        keys: list[K] = []
        while (due := self.next_due) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            del self._entries[key]
            keys.append(key)
        return keys

    def _set_timer(self) -> None:
        due = self.next_due
        if due is None:
            return
        loop = asyncio.get_running_loop()
        wait = max(0.0, due - self._clock.boot())
        when = loop.time() + min(wait, LONGEST_TIMER)
        if self._timer is not None:
            if self._timer.when() <= when:
                return  # early at worst, and then it is set anew
            self._timer.cancel()
        self._timer = loop.call_at(when, self._fire)

    def _drop_stale_top(self) -> None:
        heap = self._heap
        while heap and self._entries.get(heap[0][2]) is not heap[0]:
            heapq.heappop(heap)

    def _compact(self) -> None:
        live = len(self._entries)
        if len(self._heap) > max(_SMALL, live + live // 2):
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)
