"""Notices an event loop that does not turn, from a thread of its own.

Who blocks the loop stops everything: no lease is renewed, no probe is answered, and
nobody is told. So the loop stamps the time on a heartbeat, and a thread looks at the
stamp. It tells once where the loop's thread stands: files, lines and functions, no
values. When the block lasts for as long as a leader may go without a renewal, it
calls `stuck`, which closes the gate.

The gate closes by itself when the lease ends, so nothing depends on this thread
alone: it cannot run either while C code holds the interpreter, or once what reads
standard error does not read any more.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from traceback import walk_stack
from typing import Protocol

import structlog

from vso_controller.foundation.clock import Clock

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_INNERMOST = 20  # frames that are told
_LONGEST_END = 1.0  # seconds that the end of the block waits for the thread


@dataclass(frozen=True, slots=True)
class WatchdogTiming:
    """The durations of a watchdog, in seconds."""

    blocked_after: float = 1.0
    """A heartbeat that is late by more is told; the time between two heartbeats, too,
    and between two looks."""
    stuck_after: float = 10.0
    """A heartbeat that is late by more is a reason not to lead any more."""


class LoopObserver(Protocol):
    """Is told what metrics count."""

    def event_loop_turned(self, *, late: float, blocked: bool) -> None:
        """Tell of one heartbeat, and by how many seconds it was late."""
        ...


class Watchdog:
    """Watches the loop on whose thread `watching` is entered, while `beat` runs."""

    def __init__(
        self,
        *,
        clock: Clock,
        timing: WatchdogTiming,
        stuck: Callable[[], None],
        observer: LoopObserver,
    ) -> None:
        """`stuck` is called by the thread, again and again, and must be fit for it."""
        self._clock = clock
        self._timing = timing
        self._stuck = stuck
        self._observer = observer
        # Written by the loop, read by the thread; each is replaced as a whole. The
        # boot clock is no clock of the loop's, so the thread may read it.
        self._loop_thread = 0
        self._stamp = 0.0  # the last heartbeat, on the boot clock
        self._has_ended = False
        # The thread's own.
        self._looked = 0.0
        self._told: float | None = None  # the stamp after which a block was told

    @property
    def is_beating(self) -> bool:
        """Whether the heartbeat has not ended. A loop that is stuck answers nobody."""
        return not self._has_ended

    async def beat(self) -> None:
        """Stamp the time until cancelled, and tell of each block when it is over."""
        try:
            self._stamp = self._clock.boot()
            while True:
                await asyncio.sleep(self._timing.blocked_after)
                self._turned()
        finally:
            self._has_ended = True

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the heartbeat for the length of the block."""
        self.begin()
        ended = threading.Event()
        thread = threading.Thread(
            target=self._watch, args=(ended,), name="watchdog", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_LONGEST_END)

    def begin(self) -> None:
        """Take now for the first heartbeat, of the loop of this thread."""
        self._loop_thread = threading.get_ident()
        self._stamp = self._looked = self._clock.boot()

    def look(self) -> None:
        """Judge the heartbeat as it is now."""
        now, stamp = self._clock.boot(), self._stamp
        since_last_look, self._looked = now - self._looked, now
        late = self._lateness(now, stamp)
        if late > self._timing.stuck_after:
            self._stuck()  # before anything is told, which may take its time
        if late <= self._timing.blocked_after or stamp == self._told:
            return
        self._told = stamp
        log.warning(
            "event_loop_blocked",
            seconds=round(late, 3),
            # Then the machine slept, the process was stopped or starved, or C code
            # held the interpreter: where the loop stands may have no part in it.
            whole_process=since_last_look > 2 * self._timing.blocked_after,
            where=_standing(self._loop_thread),
        )

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(self._timing.blocked_after):
            self.look()

    def _turned(self) -> None:
        now = self._clock.boot()
        late = self._lateness(now, self._stamp)
        self._stamp = now
        blocked = late > self._timing.blocked_after
        self._observer.event_loop_turned(late=late, blocked=blocked)
        if blocked:
            log.warning("event_loop_turned_again", seconds=round(late, 3))

    def _lateness(self, now: float, stamp: float) -> float:
        return max(0.0, now - stamp - self._timing.blocked_after)


def _standing(thread: int) -> list[str]:
    """Return where a thread is, innermost first: `file:line:function`."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented all the same
    if frame is None:
        return []
    return [
        f"{at.f_code.co_filename}:{line}:{at.f_code.co_name}"
        for at, line in islice(walk_stack(frame), _INNERMOST)
    ]
