"""One resource of an API server in memory: a history, lists and watches of it.

Versions are shared by all objects and only grow, as etcd revisions do. A test
changes the objects with `put` and `delete` and brings faults with the attributes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from vso_controller.foundation.errors import Gone, Invalid, OperationFailed
from vso_controller.foundation.listwatch import EventType, Page, WatchEvent
from vso_controller.foundation.objects import Envelope, ObjectKey


def key_of(name: str) -> ObjectKey:
    """Return the key of the object that tests call `name`."""
    return ObjectKey("team", name)


def make_item(
    name: str,
    version: int | str,
    *,
    uid: str = "",
    spec: bytes = b"",
    generation: int = 1,
) -> Envelope:
    """Build an object with as little as a store needs."""
    return Envelope(
        key=key_of(name),
        uid=uid or f"uid-of-{name}",
        resource_version=str(version),
        generation=generation,
        spec=spec,
    )


Event = WatchEvent[Envelope]


def event_of(type: EventType, item: Envelope) -> Event:  # noqa: A002 - Kubernetes' word
    """Build the event that tells of `item`."""
    return WatchEvent(type, item.resource_version, item)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list the fake was asked for, when on the loop's clock."""

    at: float
    resource_version: str
    continue_token: str


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """A watch the fake was asked for, when on the loop's clock."""

    at: float
    resource_version: str
    timeout: float
    initial_events: bool = False


@dataclass(slots=True)
class FakeListWatch:
    """A `ListWatch` of envelopes."""

    page_size: int = 500
    list_faults: deque[OperationFailed] = field(default_factory=deque)
    watch_faults: deque[OperationFailed] = field(default_factory=deque)
    list_hangs: bool = False
    page_takes: float = 0.0  # seconds
    watch_is_silent: bool = False  # open, but tells nothing and never ends
    watch_ends_at_once: bool = False
    offers_initial_events: bool = False
    stream_faults: deque[OperationFailed] = field(default_factory=deque)
    initial_events_are_marked: bool = True  # their end is told
    initial_event_takes: float = 0.0  # seconds
    stale_list: Page[Envelope] | None = None  # answers every list
    requests: list[ListRequest | WatchRequest] = field(default_factory=list)
    version: int = 10
    compacted: int = 0  # the history up to this version is forgotten
    objects: dict[ObjectKey, Envelope] = field(default_factory=dict)
    _history: list[Event] = field(default_factory=list)
    _injected: deque[Event | OperationFailed] = field(default_factory=deque)
    _snapshots: dict[str, tuple[Envelope, ...]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _incarnations: int = 0

    @property
    def lists(self) -> list[ListRequest]:
        return [entry for entry in self.requests if isinstance(entry, ListRequest)]

    @property
    def watches(self) -> list[WatchRequest]:
        return [one for one in self._watched if not one.initial_events]

    @property
    def streams(self) -> list[WatchRequest]:
        """The watches that were to begin with initial events."""
        return [one for one in self._watched if one.initial_events]

    @property
    def _watched(self) -> list[WatchRequest]:
        return [entry for entry in self.requests if isinstance(entry, WatchRequest)]

    def put(self, name: str, spec: bytes = b"") -> Envelope:
        """Create or change an object."""
        self.version += 1
        held = self.objects.get(key_of(name))
        if held is None:
            self._incarnations += 1
        uid = f"uid-{self._incarnations}" if held is None else held.uid
        item = make_item(name, self.version, uid=uid, spec=spec)
        self.objects[item.key] = item
        self._tell(EventType.ADDED if held is None else EventType.MODIFIED, item)
        return item

    def delete(self, name: str) -> None:
        """Delete an object."""
        self.version += 1
        gone = self.objects.pop(key_of(name))
        last = make_item(name, self.version, uid=gone.uid)
        self._tell(EventType.DELETED, last)

    def bookmark(self, version: int | None = None) -> None:
        """Tell watchers how far they have seen."""
        self.inject(WatchEvent(EventType.BOOKMARK, str(version or self.version), None))

    def inject(self, what: Event | OperationFailed) -> None:
        """Have the open watch tell this, or fail with it, out of its history."""
        self._injected.append(what)
        self._wake()

    def compact(self) -> None:
        """Forget the history: only what is there now can be listed."""
        self.compacted = self.version

    def restore(self, version: int, *items: Envelope) -> None:
        """Go back to an old backup, history and all."""
        self.version = version
        self.objects = {item.key: item for item in items}
        self._history.clear()

    async def list_page(
        self, *, resource_version: str, continue_token: str
    ) -> Page[Envelope]:
        now = asyncio.get_running_loop().time()
        self.requests.append(ListRequest(now, resource_version, continue_token))
        await asyncio.sleep(self.page_takes)
        if self.list_hangs:
            await asyncio.Event().wait()
        if self.list_faults:
            raise self.list_faults.popleft()
        if self.stale_list is not None:
            return self.stale_list
        return self._page(continue_token)

    @asynccontextmanager
    async def watch(
        self,
        *,
        resource_version: str,
        timeout: float,  # noqa: ASYNC109 - the server's
        initial_events: bool = False,
    ) -> AsyncIterator[AsyncIterator[Event]]:
        now = asyncio.get_running_loop().time()
        self.requests.append(
            WatchRequest(now, resource_version, timeout, initial_events)
        )
        await asyncio.sleep(0)
        if initial_events:
            self._admit_stream()
            yield self._stream(self.version, now + timeout, self._initial_events())
            return
        if self.watch_faults:
            raise self.watch_faults.popleft()
        if int(resource_version) < self.compacted:
            raise Gone("too old resource version")
        yield self._stream(int(resource_version), now + timeout)

    def _admit_stream(self) -> None:
        if not self.offers_initial_events:
            raise Invalid("resourceVersionMatch is forbidden for watch")
        if self.stream_faults:
            raise self.stream_faults.popleft()

    def _initial_events(self) -> Sequence[Event]:
        """Tell what there is, the newest first: the order means nothing."""
        if self.stale_list is not None:
            items, version = self.stale_list.items, self.stale_list.resource_version
        else:
            items, version = tuple(self.objects.values()), str(self.version)
        end: Event = WatchEvent(EventType.BOOKMARK, version, ends_initial_events=True)
        told = [event_of(EventType.ADDED, item) for item in reversed(items)]
        return [*told, end] if self.initial_events_are_marked else told

    def _page(self, token: str) -> Page[Envelope]:
        if token == "":
            version, start = str(self.version), 0
            self._snapshots[version] = tuple(self.objects.values())
        else:
            version, offset = token.split("/")
            start = int(offset)
            if int(version) < self.compacted:
                raise Gone("the continue token has expired")
        end = start + self.page_size
        items = self._snapshots[version]
        following = f"{version}/{end}" if end < len(items) else ""
        return Page(items[start:end], version, following)

    async def _stream(
        self, seen: int, until: float, first: Sequence[Event] = ()
    ) -> AsyncIterator[Event]:
        over = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_at(until, self._end, over)
        try:
            for event in first:
                await asyncio.sleep(self.initial_event_takes)
                yield event
            while not (over.done() or self.watch_ends_at_once):
                for event in self._after(seen):
                    seen = int(event.resource_version)
                    yield event
                while self._injected:
                    yield self._next_injected()
                await self._wait_change()
        finally:
            timer.cancel()

    def _end(self, over: asyncio.Future[None]) -> None:
        over.set_result(None)
        self._wake()

    def _after(self, seen: int) -> list[Event]:
        if self.watch_is_silent:
            return []
        return [e for e in self._history if int(e.resource_version) > seen]

    def _next_injected(self) -> Event:
        what = self._injected.popleft()
        if isinstance(what, OperationFailed):
            raise what
        return what

    async def _wait_change(self) -> None:
        if self.watch_is_silent:
            await asyncio.Event().wait()
        await self._changed.wait()

    def _tell(self, type: EventType, item: Envelope) -> None:  # noqa: A002
        self._history.append(event_of(type, item))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed.clear()
