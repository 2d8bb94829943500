"""Workers that bring the keys of one kind to their reconciler.

A controller is level-triggered: it passes on which object to look at, never why.
It works while it leads, that is while `run` runs; a run starts with every key
there is, so what was triggered before it is not lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from random import Random
from typing import Protocol

import structlog
from structlog.contextvars import bound_contextvars

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Parked, Throttled
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.failurelog import FailureLog
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.ports import Outcome, Reconciler
from vso_controller.runtime.scheduler import Scheduler
from vso_controller.runtime.workqueue import QueueClosed, Turn, WorkQueue

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Slot = tuple[str, ObjectKey]
"""What a scheduler shared by controllers keeps: the controller's name and a key."""


class ReconcileResult(StrEnum):
    """How a reconcile ended, in controller-runtime's words but for the last."""

    SUCCESS = "success"
    REQUEUE_AFTER = "requeue_after"
    ERROR = "error"
    PARKED = "parked"


class ReconcileObserver(Protocol):
    """Is told what metrics count. Called on the event loop: it must not block."""

    def reconciled(
        self, *, controller: str, result: ReconcileResult, seconds: float
    ) -> None: ...


class Controller:
    """Runs `workers` workers over one queue; each key is with one of them at most."""

    def __init__(
        self,
        *,
        name: str,
        reconciler: Reconciler,
        keys: Callable[[], Iterable[ObjectKey]],
        make_queue: Callable[[], WorkQueue[ObjectKey]],
        scheduler: Scheduler[Slot],
        observer: ReconcileObserver,
        clock: Clock,
        random: Random,
        workers: int,
        drain_timeout: float,
    ) -> None:
        self.name = name
        self._reconciler = reconciler
        self._keys = keys
        self._make_queue = make_queue
        self._scheduler = scheduler
        self._observer = observer
        self._clock = clock
        self._random = random
        self._workers = workers
        self._drain_timeout = drain_timeout  # seconds
        self._queue: WorkQueue[ObjectKey] | None = None  # while `run` runs
        self._failures = FailureLog()  # of this run

    @property
    def queue(self) -> WorkQueue[ObjectKey] | None:
        """The queue of the current run, for probes and metrics; None between runs."""
        return self._queue

    def enqueue(self, key: ObjectKey, lane: Lane = Lane.CHANGED) -> None:
        """Have `key` reconciled soon. Between runs there is nothing to do."""
        if self._queue is not None:
            self._queue.add(key, lane)

    def resume(self, key: ObjectKey, lane: Lane = Lane.CHANGED) -> None:
        """Have a parked `key` reconciled soon, as one of which there is no news."""
        if self._queue is not None:
            self._queue.resume(key, lane)

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile every key there is, and those enqueued, until `stop` is set.

        The keys there are at the start wait in the due lane: nobody changed them.
        After `stop` the keys that are ready are still worked off, for at most
        `drain_timeout` seconds; then the workers are cancelled. To cancel the run
        itself cancels them at once.
        """
        queue = self._queue = self._make_queue()
        self._failures = FailureLog()
        for key in self._keys():
            queue.add(key, Lane.DUE)
        try:
            await self._employ_workers(queue, stop)
        finally:
            self._queue = None
            queue.close()

    async def _employ_workers(
        self, queue: WorkQueue[ObjectKey], stop: asyncio.Event
    ) -> None:
        async with asyncio.TaskGroup() as group:
            workers = [
                group.create_task(self._work(queue)) for _ in range(self._workers)
            ]
            await stop.wait()
            queue.close()
            _, late = await asyncio.wait(workers, timeout=self._drain_timeout)
            if late:
                log.warning(
                    "work_cut_short",
                    controller=self.name,
                    workers=len(late),
                    after=self._drain_timeout,
                )
            for worker in late:
                worker.cancel()

    async def _work(self, queue: WorkQueue[ObjectKey]) -> None:
        with suppress(QueueClosed):
            while True:
                async with queue.take() as turn:
                    await self._process(queue, turn)

    async def _process(
        self, queue: WorkQueue[ObjectKey], turn: Turn[ObjectKey]
    ) -> None:
        key = turn.key
        started = self._clock.monotonic()
        # What was due is done now; how this ends says what is due next.
        self._scheduler.cancel((self.name, key))
        with bound_contextvars(
            controller=self.name,
            key=str(key),
            reconcile_id=f"{self._random.getrandbits(32):08x}",
        ):
            result = await self._reconcile(queue, turn)
        self._observer.reconciled(
            controller=self.name,
            result=result,
            seconds=self._clock.monotonic() - started,
        )

    async def _reconcile(
        self, queue: WorkQueue[ObjectKey], turn: Turn[ObjectKey]
    ) -> ReconcileResult:
        key = turn.key
        try:
            outcome = await self._reconciler.reconcile(key, turn.woken_at)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            # It came out of something the reconciler waited for. To let it pass
            # would end this worker without a word.
            return self._failed(queue, key, error)
        except Parked as error:
            return self._parked(queue, turn, error)
        except Exception as error:  # noqa: BLE001 - the one place: nobody else suffers
            return self._failed(queue, key, error)
        return self._succeeded(queue, key, outcome)

    def _succeeded(
        self, queue: WorkQueue[ObjectKey], key: ObjectKey, outcome: Outcome
    ) -> ReconcileResult:
        queue.forget(key)
        self._failures.succeeded(key)
        if outcome.requeue_after is None:
            return ReconcileResult.SUCCESS
        self._schedule(key, outcome.requeue_after)
        return ReconcileResult.REQUEUE_AFTER

    def _parked(
        self, queue: WorkQueue[ObjectKey], turn: Turn[ObjectKey], error: Parked
    ) -> ReconcileResult:
        # Neither success nor failure: the key keeps the history that it had. Who
        # parked it wakes it; the clock does so too, should that be forgotten.
        log.debug("reconcile_parked", message=str(error))
        queue.park(turn)
        self._schedule(turn.key, error.look_again)
        return ReconcileResult.PARKED

    def _schedule(self, key: ObjectKey, seconds: float) -> None:
        self._scheduler.schedule((self.name, key), self._clock.boot() + seconds)

    def _failed(
        self, queue: WorkQueue[ObjectKey], key: ObjectKey, error: BaseException
    ) -> ReconcileResult:
        at_least = error.retry_after if isinstance(error, Throttled) else 0.0
        queue.add_failed(key, at_least=at_least)
        self._failures.failed(key, error)
        return ReconcileResult.ERROR


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
