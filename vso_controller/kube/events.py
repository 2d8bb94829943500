"""Events: what happened to an object, told to whoever describes it.

Telling never waits and never fails: what is too much is counted and left out
(`correlation.py`), what cannot be queued or sent as well. The Event is built as
client-go builds it (core/v1, the component is the kind), so that what reads
upstream's Events reads ours. The same thing told again within ten minutes becomes a
higher `count` on the Event there is.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec
import structlog

from vso_controller.foundation.clock import Clock, rfc3339
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.events import EventKind, EventSubject
from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.kube.calls import MERGE_PATCH, Call, Target, Verb, object_target
from vso_controller.kube.correlation import (
    LONGEST_MESSAGE,
    Correlator,
    Fact,
    Occurrence,
    Recent,
)
from vso_controller.kube.errors import NotFound
from vso_controller.kube.session import ApiSession

EVENTS = ResourceType(group="", version="v1", plural="events", kind="Event")
QUEUE_LENGTH = 1_000
AGGREGATION = 600.0  # seconds since the last time, as client-go's
_LONGEST_NAME = 253 - len(".0123456789abcdef")
_SEND_TIMEOUT = 10.0  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Series:
    """An Event on the server. Times are seconds since the epoch."""

    key: ObjectKey
    first: float
    last: float
    count: int


class EventRecorder:
    """Queues Events and sends them, in order, while `run` runs."""

    def __init__(self, *, session: ApiSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._correlator = Correlator()
        self._queue: asyncio.Queue[tuple[Occurrence, float]] = asyncio.Queue(
            QUEUE_LENGTH
        )
        self._series: Recent[_Series] = Recent()
        self._last_stamp = 0
        self.dropped = 0
        """How often something was recorded and no Event of its own sent."""

    def record(
        self, about: EventSubject, *, kind: EventKind, reason: str, message: str
    ) -> None:
        """Tell that `reason` happened to `about`, soon."""
        fact = Fact(about, kind, reason, message[:LONGEST_MESSAGE])
        occurrence = self._correlator.admit(fact, self._clock.monotonic())
        if occurrence is None:
            self.dropped += 1
            return
        try:
            self._queue.put_nowait((occurrence, self._clock.now()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Send what is recorded, until cancelled."""
        while True:
            occurrence, at = await self._queue.get()
            try:
                await self._send(occurrence, at)
            except OperationFailed as error:
                self.dropped += 1
                about = occurrence.fact.about
                log.warning(
                    "event_dropped",
                    key=str(about.key),
                    kind=about.resource.kind,
                    reason=occurrence.fact.reason,
                    error=str(error),
                )
            finally:
                self._queue.task_done()

    async def drain(self, *, within: float) -> None:
        """Wait until all that was recorded is sent, for at most `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._queue.join()

    async def _send(self, occurrence: Occurrence, at: float) -> None:
        fact = occurrence.fact
        known = self._series.get(fact.identity)
        if known is not None and at - known.last <= AGGREGATION:
            count = known.count + occurrence.times
            series = replace(known, last=at, count=count)
            if await self._count(series, fact):
                self._series.put(fact.identity, series)
                return
        series = await self._create(occurrence, at)
        self._series.put(fact.identity, series)

    async def _count(self, series: _Series, fact: Fact) -> bool:
        changes: dict[str, object] = {
            "count": series.count,
            "lastTimestamp": rfc3339(series.last),
        }
        if fact.is_combined:
            changes["message"] = fact.message
        call = Call(
            verb=Verb.PATCH,
            target=object_target(EVENTS, series.key),
            repeatable=True,  # it sets a count, it does not add to one
            body=msgspec.json.encode(changes),
            content_type=MERGE_PATCH,
            timeout=_SEND_TIMEOUT,
        )
        try:
            await self._session.request(call)
        except NotFound:  # Events end after an hour, or with their namespace
            return False
        return True

    async def _create(self, occurrence: Occurrence, at: float) -> _Series:
        fact = occurrence.fact
        key = self._new_key(fact.about.key, at)
        series = _Series(key=key, first=at, last=at, count=occurrence.times)
        call = Call(
            verb=Verb.CREATE,
            target=Target(EVENTS, key.namespace),
            repeatable=True,  # a name is taken once
            body=msgspec.json.encode(_document(fact, series)),
            timeout=_SEND_TIMEOUT,
        )
        await self._session.request(call)
        return series

    def _new_key(self, about: ObjectKey, at: float) -> ObjectKey:
        # Nanoseconds, as client-go; a coarse clock must not name two the same.
        self._last_stamp = max(int(at * 1e9), self._last_stamp + 1)
        name = f"{about.name[:_LONGEST_NAME].rstrip('-.')}.{self._last_stamp:x}"
        return ObjectKey(about.namespace or "default", name)


def _document(fact: Fact, series: _Series) -> dict[str, object]:
    about = fact.about
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": series.key.name, "namespace": series.key.namespace},
        "involvedObject": {
            "apiVersion": about.resource.api_version,
            "kind": about.resource.kind,
            "namespace": about.key.namespace,
            "name": about.key.name,
            "uid": about.uid,
            "resourceVersion": about.resource_version,
        },
        "type": fact.kind,
        "reason": fact.reason,
        "message": fact.message,
        "source": {"component": about.resource.kind},
        "reportingComponent": about.resource.kind,
        "reportingInstance": "",
        "firstTimestamp": rfc3339(series.first),
        "lastTimestamp": rfc3339(series.last),
        "count": series.count,
    }
