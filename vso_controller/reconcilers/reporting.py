"""The last step of every reconcile: status, Events, metrics and the log.

Nothing is written when nothing changed, and an Event is told on a transition
only: a resource that fails the same way again is not news, but that it is not
ready any more because of it is.

What was found out is reported on the resource as it is when the status is
written: a conflict leads to a new decision from the newer status, never to the
question being asked anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from vso_controller.api.kinds import Kind
from vso_controller.api.model import status_json
from vso_controller.api.v1beta1.shared import Status
from vso_controller.domain.conditions import ConditionType, is_true, tells
from vso_controller.domain.reasons import EventReason, Failure
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.events import EventKind, subject_of
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.errors import AnswerLost, Conflict, NotFound
from vso_controller.reconcilers.ports import (
    Cache,
    Events,
    ResourceMetrics,
    StatusWriter,
)
from vso_controller.reconcilers.statuses import conditions_of
from vso_controller.runtime.observing import Withheld
from vso_controller.runtime.versions import is_older

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_LOOK_AGAIN: tuple[type[OperationFailed], ...] = (Conflict, NotFound, AnswerLost)
"""What a write ends with that met another object, or may have happened."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that was done, for an Event and the log."""

    reason: EventReason
    message: str
    kind: EventKind = EventKind.NORMAL  # a Warning: somebody should look at it


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say about a resource whose status is `before`."""

    before: Status
    after: Status
    outcome: Failure | News | None = None


Decide = Callable[[Envelope], Report]
"""Says what to report about the resource as it is in the envelope.

Called once more for each newer state; all that had to be asked for it is known."""


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

    async def report(self, envelope: Envelope, decide: Decide) -> bool:
        """Write the status that is decided on if it is not stored, and tell the news.

        Returns whether it is stored. An observer's is not. Nor is it, and nothing is
        told, if the resource has another spec by now, or is gone: who changed it has
        its key looked at again. Raises Conflict if it changes under each attempt to
        write.
        """
        first = report = decide(envelope)
        seen = envelope
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                await self._write(seen, report)
                break
            except Withheld:
                return False
            except _LOOK_AGAIN:
                if not attempts_left:
                    raise
            newer = await self._look_again(seen)
            if newer is None:
                log.info("report_superseded", generation=envelope.generation)
                return False
            seen, report = newer, decide(newer)
        # News is what changed since the resource was read: a write whose answer was
        # lost has made it look as if nothing had.
        self._tell(envelope, first)
        return True

    def gone(self, key: ObjectKey) -> None:
        """Forget a resource that is not there any more."""
        self._metrics.resource_gone(self._kind.name, key)

    async def _write(self, envelope: Envelope, report: Report) -> None:
        self._metrics.resource_ready(
            self._kind.name, envelope.key, _is_ready(report.after)
        )
        if report.after == report.before:
            return
        status = status_json(report.after)
        # In a merge patch a field goes by being null.
        cleared = dict.fromkeys(status_json(report.before).keys() - status.keys())
        with self._resources.writing(envelope.key) as write:
            write.landed(
                await self._statuses.write(
                    self._kind.resource, envelope, status | cleared
                )
            )

    async def _look_again(self, seen: Envelope) -> Envelope | None:
        """Return the resource as it is now, None if there is another one to report on.

        What is read here stays out of the store: its watch tells of it, and wakes
        who has to know.
        """
        newer = self._resources.get(seen.key)
        if newer is not None and not is_older(
            seen.resource_version, than=newer.resource_version
        ):
            newer = await self._statuses.current(self._kind.resource, seen.key)
        if newer is None or newer.deleting:
            return None
        same = (newer.uid, newer.generation) == (seen.uid, seen.generation)
        return newer if same else None

    def _tell(self, envelope: Envelope, report: Report) -> None:
        match report.outcome:
            case News() as news:
                self._tell_news(envelope, news)
            case Failure() as failure if _is_news(failure, report):
                self._tell_failure(envelope, failure)

    def _tell_news(self, envelope: Envelope, news: News) -> None:
        self._event(envelope, news.kind, news.reason, news.message)
        tell = log.warning if news.kind is EventKind.WARNING else log.info
        tell("reconciled", reason=news.reason, message=news.message)

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


def _is_news(failure: Failure, report: Report) -> bool:
    before = report.before
    known = tells(conditions_of(before.conditions), failure.message)
    return not known or _is_ready(before) != _is_ready(report.after)
