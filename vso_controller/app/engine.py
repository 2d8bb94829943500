"""The controllers of all kinds around one scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from random import Random

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.controller import Controller, Slot
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.ports import Reconciler
from vso_controller.runtime.ratelimit import (
    BackoffSettings,
    BucketSettings,
    ExponentialBackoff,
    TokenBucket,
)
from vso_controller.runtime.readiness import QueueSeen
from vso_controller.runtime.scheduler import Scheduler
from vso_controller.runtime.workqueue import WorkQueue
from vso_controller.settings.model import Settings


class Engine:
    """Makes controllers, routes what is due to them, and runs them together."""

    def __init__(
        self, *, settings: Settings, metrics: Metrics, clock: Clock, random: Random
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._scheduler: Scheduler[Slot] = Scheduler(wake=self._due, clock=clock)
        self._controllers: dict[str, Controller] = {}

    def add(
        self,
        name: str,
        reconciler: Reconciler,
        keys: Callable[[], Iterable[ObjectKey]],
    ) -> Controller:
        """Make the controller `name` of all `keys`."""
        settings = self._settings
        controller = self._controllers[name] = Controller(
            name=name,
            reconciler=reconciler,
            keys=keys,
            make_queue=lambda: self._queue(name),
            scheduler=self._scheduler,
            observer=self._metrics,
            clock=self._clock,
            random=self._random,
            workers=settings.max_concurrent_reconciles,
            drain_timeout=settings.shutdown_timeout.total_seconds() / 2,
        )
        return controller

    def enqueue(self, name: str, key: ObjectKey, lane: Lane = Lane.CHANGED) -> None:
        """Have `key` reconciled soon by the controller `name`."""
        self._controllers[name].enqueue(key, lane)

    def resume(self, name: str, key: ObjectKey, lane: Lane = Lane.CHANGED) -> None:
        """Have a parked `key` reconciled soon by the controller `name`."""
        self._controllers[name].resume(key, lane)

    def queues(self) -> Iterator[QueueSeen]:
        """Yield what there is to see of the queues; nothing while nobody runs."""
        for controller in self._controllers.values():
            queue = controller.queue
            if queue is not None:
                yield QueueSeen(
                    name=controller.name,
                    stalled_for=queue.stalled_for,
                    longest_running=queue.longest_running,
                )

    @property
    def overdue(self) -> float:
        """Seconds by which the earliest due time was missed, 0 when none was."""
        return self._scheduler.overdue

    async def run(self, stop: asyncio.Event) -> None:
        """Run all controllers until `stop` is set and what is ready is worked off."""
        try:
            async with asyncio.TaskGroup() as group:
                for controller in self._controllers.values():
                    group.create_task(controller.run(stop))
        finally:
            self._scheduler.close()

    def _due(self, slot: Slot) -> None:
        name, key = slot
        self._controllers[name].enqueue(key, Lane.DUE)

    def _queue(self, name: str) -> WorkQueue[ObjectKey]:
        settings = self._settings
        backoff = BackoffSettings(
            initial=settings.backoff_initial_interval.total_seconds(),
            maximum=settings.backoff_max_interval.total_seconds(),
            multiplier=settings.backoff_multiplier,
            randomization=settings.backoff_randomization_factor,
        )
        bucket = BucketSettings(rate=settings.retry_rate, burst=settings.retry_burst)
        queue: WorkQueue[ObjectKey] = WorkQueue(
            limiter=ExponentialBackoff(settings=backoff, random=self._random),
            bucket=TokenBucket(settings=bucket, clock=self._clock),
            flow=attrgetter("namespace"),
            observer=self._metrics.queue(name),
            clock=self._clock,
        )
        self._metrics.queue_work(name, queue)
        return queue
