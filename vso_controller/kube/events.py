"""Events: what happened to an object, told to whoever describes it.

Telling never waits and never fails: what cannot be queued is counted, what
cannot be sent is logged, and both are dropped. The Event is built as client-go
builds it (core/v1, the component is the kind), so that what reads upstream's
Events reads ours. The same thing told again within ten minutes becomes a higher
`count` on the Event there is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace

import msgspec
import structlog

from vso_controller.foundation.clock import Clock, rfc3339
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.events import EventKind, EventSubject
from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.kube.calls import MERGE_PATCH, Call, Target, Verb, object_target
from vso_controller.kube.errors import NotFound
from vso_controller.kube.session import ApiSession

EVENTS = ResourceType(group="", version="v1", plural="events", kind="Event")
QUEUE_LENGTH = 1_000
AGGREGATION = 600.0  # seconds since the last time, as client-go's
LONGEST_MESSAGE = 1_024  # characters, the limit of events.k8s.io
_KNOWN_SERIES = 4_096  # as client-go's cache
_LONGEST_NAME = 253 - len(".0123456789abcdef")
_SEND_TIMEOUT = 10.0  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Fact:
    """What happened, without when: two equal facts are one Event."""

    about: EventSubject
    kind: EventKind
    reason: str
    message: str

    @property
    def identity(self) -> tuple[str, EventKind, str, str]:
        return (self.about.uid, self.kind, self.reason, self.message)


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
        self._queue: asyncio.Queue[tuple[_Fact, float]] = asyncio.Queue(QUEUE_LENGTH)
        self._series: OrderedDict[tuple[str, EventKind, str, str], _Series] = (
            OrderedDict()
        )
        self._last_stamp = 0
        self.dropped = 0  # Events that never reached the server

    def record(
        self, about: EventSubject, *, kind: EventKind, reason: str, message: str
    ) -> None:
        """Tell that `reason` happened to `about`, soon."""
        fact = _Fact(about, kind, reason, message[:LONGEST_MESSAGE])
        try:
            self._queue.put_nowait((fact, self._clock.now()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Send what is recorded, until cancelled."""
        while True:
            fact, at = await self._queue.get()
            try:
                await self._send(fact, at)
            except OperationFailed as error:
                self.dropped += 1
                log.warning(
                    "event_dropped",
                    key=str(fact.about.key),
                    kind=fact.about.resource.kind,
                    reason=fact.reason,
                    error=str(error),
                )

    async def _send(self, fact: _Fact, at: float) -> None:
        known = self._series.get(fact.identity)
        if known is not None and at - known.last <= AGGREGATION:
            series = replace(known, last=at, count=known.count + 1)
            if await self._count(series):
                self._remember(fact, series)
                return
        self._remember(fact, await self._create(fact, at))

    async def _count(self, series: _Series) -> bool:
        call = Call(
            verb=Verb.PATCH,
            target=object_target(EVENTS, series.key),
            repeatable=True,  # it sets a count, it does not add to one
            body=msgspec.json.encode(
                {"count": series.count, "lastTimestamp": rfc3339(series.last)}
            ),
            content_type=MERGE_PATCH,
            timeout=_SEND_TIMEOUT,
        )
        try:
            await self._session.request(call)
        except NotFound:  # Events end after an hour, or with their namespace
            return False
        return True

    async def _create(self, fact: _Fact, at: float) -> _Series:
        key = self._new_key(fact.about.key, at)
        series = _Series(key=key, first=at, last=at, count=1)
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

    def _remember(self, fact: _Fact, series: _Series) -> None:
        self._series[fact.identity] = series
        self._series.move_to_end(fact.identity)
        if len(self._series) > _KNOWN_SERIES:
            self._series.popitem(last=False)


def _document(fact: _Fact, series: _Series) -> dict[str, object]:
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
