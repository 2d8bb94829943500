"""Reconciling as an observer does: what would be written is told, never written.

What a reconcile would write is news when it is not what the last one of the same key
would have written. That a resource goes on differing is in the metrics.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import structlog

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.intentions import Differences, Intention, Write
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.observing import Withheld, noting
from vso_controller.runtime.ports import Outcome, Reconciler

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Describer(Protocol):
    """Says what a write would have changed."""

    async def describe(self, write: Write) -> Intention: ...


class ObservationMetrics(Protocol):
    """Counts what is not written."""

    def withheld(self, *, verb: str, resource: str) -> None: ...
    def differing(self, *, controller: str, resource: str, more: int) -> None: ...


class ObservingReconciler:
    """Runs the reconciler of one kind behind a gate that lets nothing out."""

    def __init__(
        self,
        *,
        controller: str,
        reconciler: Reconciler,
        describer: Describer,
        metrics: ObservationMetrics,
        look_again: timedelta,
    ) -> None:
        self._controller = controller
        self._reconciler = reconciler
        self._describer = describer
        self._metrics = metrics
        self._look_again = look_again
        # What would be written now, of those resources where that is something.
        self._intended: dict[ObjectKey, tuple[Intention, ...]] = {}

    async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
        """Reconcile up to the first write, and tell what it is if that is news.

        That ends the reconcile well. A reconciler that leaves it to us is asked again
        after `look_again`. Failures are raised as they are.
        """
        with noting() as withheld:
            try:
                outcome = await self._reconciler.reconcile(key, woken_at)
            except Withheld:
                outcome = Outcome(self._look_again.total_seconds())
            except OperationFailed:
                await self._note(key, withheld)
                raise
        await self._note(key, withheld)
        return outcome

    async def _note(self, key: ObjectKey, withheld: list[Write]) -> None:
        intended = tuple([await self._describer.describe(each) for each in withheld])
        known = self._intended.pop(key, ())
        if intended:
            self._intended[key] = intended
        self._count(known, intended)
        for intention in intended:
            if intention not in known:
                self._tell(intention)
        if known and not intended:
            log.info("difference_gone")

    def _count(
        self, known: tuple[Intention, ...], intended: tuple[Intention, ...]
    ) -> None:
        before = {each.resource for each in known}
        after = {each.resource for each in intended}
        for resource in before ^ after:
            self._metrics.differing(
                controller=self._controller,
                resource=resource,
                more=1 if resource in after else -1,
            )

    def _tell(self, intention: Intention) -> None:
        self._metrics.withheld(verb=intention.verb, resource=intention.resource)
        told = intention.differences or Differences()
        log.info(
            "would_have_written",
            verb=intention.verb,
            resource=intention.resource,
            namespace=intention.key.namespace,
            name=intention.key.name,
            added=told.added,
            changed=told.changed,
            removed=told.removed,
            compared=intention.differences is not None,
        )
