"""The last step of every reconcile: status, Events, metrics and the log.

Nothing is written when nothing changed, and an Event is told on a transition
only: a resource that fails the same way again is not news, but that it is not
ready any more because of it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from vso_controller.api.kinds import Kind
from vso_controller.api.model import status_json
from vso_controller.api.v1beta1.shared import Status
from vso_controller.domain.conditions import ConditionType, is_true, tells
from vso_controller.domain.reasons import EventReason, Failure
from vso_controller.foundation.events import EventKind, subject_of
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.ports import (
    Cache,
    Events,
    ResourceMetrics,
    StatusWriter,
)
from vso_controller.reconcilers.statuses import conditions_of
from vso_controller.runtime.observing import Withheld

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """Something good that happened, for an Event and the log."""

    reason: EventReason
    message: str


class Reporter:
    """Reports about the resources of one kind."""

    def __init__(
        self,
        *,
        kind: Kind,
        resources: Cache[Envelope],
        statuses: StatusWriter,
        events: Events,
        metrics: ResourceMetrics,
    ) -> None:
        self._kind = kind
        self._resources = resources
        self._statuses = statuses
        self._events = events
        self._metrics = metrics

    async def report(
        self,
        envelope: Envelope,
        *,
        before: Status,
        after: Status,
        outcome: Failure | News | None = None,
    ) -> bool:
        """Write the status `after` if it is not what is stored, and tell the news.

        Returns whether it is stored; an observer's is not, and no news. Raises
        Conflict if the resource is not any more what was seen.
        """
        self._metrics.resource_ready(self._kind.name, envelope.key, _is_ready(after))
        try:
            if after != before:
                await self._write(envelope, before, after)
        except Withheld:
            return False
        match outcome:
            case News():
                self._tell_news(envelope, outcome)
            case Failure() if _is_news(outcome, before, after):
                self._tell_failure(envelope, outcome)
        return True

    def gone(self, key: ObjectKey) -> None:
        """Forget a resource that is not there any more."""
        self._metrics.resource_gone(self._kind.name, key)

    async def _write(self, envelope: Envelope, before: Status, after: Status) -> None:
        status = status_json(after)
        # In a merge patch a field goes by being null.
        cleared = dict.fromkeys(status_json(before).keys() - status.keys())
        with self._resources.writing(envelope.key) as write:
            write.landed(
                await self._statuses.write(
                    self._kind.resource, envelope, status | cleared
                )
            )

    def _tell_news(self, envelope: Envelope, news: News) -> None:
        self._event(envelope, EventKind.NORMAL, news.reason, news.message)
        log.info("reconciled", reason=news.reason, message=news.message)

    def _tell_failure(self, envelope: Envelope, failure: Failure) -> None:
        sentence = f"{failure.reason}: {failure.message}"
        self._event(envelope, EventKind.WARNING, failure.facts.event, sentence)
        log.warning("resource_failed", reason=failure.reason, message=failure.message)

    def _event(
        self, envelope: Envelope, kind: EventKind, reason: EventReason, message: str
    ) -> None:
        subject = subject_of(self._kind.resource, envelope)
        self._events.record(subject, kind=kind, reason=reason, message=message)


def _is_ready(status: Status) -> bool:
    return is_true(conditions_of(status.conditions), ConditionType.READY)


def _is_news(failure: Failure, before: Status, after: Status) -> bool:
    known = tells(conditions_of(before.conditions), failure.message)
    return not known or _is_ready(before) != _is_ready(after)
