"""Threads for what blocks and cannot be cancelled: lookups of names, reading of files.

A lookup ends when the resolver gives up, which may take longer than a process has left
to end, and Python waits for the threads of its own executors before it exits. Here
nobody is waited for: whoever hands out a call must be able to do without its end, so
nothing that changes the world belongs here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Call = Callable[[], None]


class AbandonedThreads(ThreadPoolExecutor):
    """Runs at most `most` calls at once, in threads that no exit waits for.

    A ThreadPoolExecutor because an event loop takes no other as its default one; what
    that class does with threads is all replaced.
    """

    def __init__(self, most: int) -> None:
        super().__init__(max_workers=most)
        self._most = most
        # Both under the lock. Nothing waits unless `most` threads run.
        self._lock = Lock()
        self._running = 0
        self._waiting: deque[_Call] = deque()

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Have the call made soon. Raises RuntimeError if no thread can be started."""
        future: Future[T] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - for who waits for it
                future.set_exception(error)

        with self._lock:
            if self._running == self._most:
                self._waiting.append(call)
            else:
                Thread(target=self._work, args=(call,), daemon=True).start()
                self._running += 1
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Return at once, whatever is asked for: calls under way are left alone."""

    def _work(self, call: _Call | None) -> None:
        while call is not None:
            call()
            call = self._next()

    def _next(self) -> _Call | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._running -= 1
            return None
