"""Watches: changes as they happen, one JSON line each.

A change is encoded once for all watchers that see it in the same form. A watcher with
a selector sees an object that begins to match as added, and one that ceases to match
as deleted, in its last matching state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from aiohttp import ClientConnectionResetError, web

from devcluster.clock import Now
from devcluster.errors import ApiError, expired
from devcluster.http.answers import JSON_TYPE
from devcluster.http.forms import Form
from devcluster.http.queries import ListQuery, Query, read_list
from devcluster.http.reading import choose_form
from devcluster.http.targets import Target
from devcluster.kinds.resource import Resource
from devcluster.objects.json import Object, encode
from devcluster.registry.listing import require_reached
from devcluster.registry.selection import Selection, parse_selection
from devcluster.storage.collection import Collection, TooOld
from devcluster.storage.objects import Change, ChangeType, Stored, freeze
from devcluster.storage.store import Store
from devcluster.storage.subscription import Ended, Overrun, Subscription

_SHORTEST = 1800  # seconds that a watch lasts when the client names no timeout
_LONGEST = 3600
_BOOKMARK_EVERY = 60.0  # seconds
_BOOKMARK_BEFORE_END = 2.0  # seconds
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class _View:
    """What one watcher sees of a collection, and in which form."""

    form: Form
    selection: Selection

    def lines(self, change: Change) -> bytes:
        """Return the line that a change is to this watcher, b"" for none."""
        seen, shown = self._seen(change)
        if seen is None:
            return b""
        memo = (seen, f"{self.form.name} {shown is change.current}")
        if memo not in change.lines:
            if shown is not change.current:
                shown = freeze(shown.key, shown.value(), change.revision)
            change.lines[memo] = event_line(seen, self.form.single(shown))
        return change.lines[memo]

    def initial(self, stored: Stored) -> bytes:
        """Return the line for an object that was there when the watch began."""
        return event_line(ChangeType.ADDED, self.form.single(stored))

    def _seen(self, change: Change) -> tuple[ChangeType | None, Stored]:
        """Return what happened in this watcher's eyes, and the state to show."""
        current, previous = change.current, change.previous
        if self.selection.is_everything:
            return change.type, current
        before = previous is not None and self.selection.matches(previous)
        after = change.type is not ChangeType.DELETED and self.selection.matches(
            current
        )
        if previous is not None and before and not after:
            gone = change.type is ChangeType.DELETED
            return ChangeType.DELETED, current if gone else previous
        if not after:
            return None, current
        return (ChangeType.MODIFIED if before else ChangeType.ADDED), current


def event_line(event: str, shown: bytes) -> bytes:
    """Write one event of a watch."""
    return b'{"type":"' + event.encode() + b'","object":' + shown + b"}\n"


class Watcher:
    """Answers watch requests."""

    def __init__(self, *, store: Store, now: Now, random: Random) -> None:
        self._store = store
        self._now = now
        self._random = random

    async def watch(
        self, request: web.Request, resource: Resource, target: Target
    ) -> web.StreamResponse:
        """Stream changes until the timeout, the end of the kind or of the server."""
        query = read_list(Query(request.query))
        form = choose_form(request, resource, self._now, is_list=False)
        view = _View(form, parse_selection(resource, query.labels, query.fields))
        if query.send_initial_events:
            require_reached(query.revision or 0, self._store.revision)
        collection = self._store.collection(resource.collection)
        response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
        await response.prepare(request)
        # No await between reading what is there and listening for what comes.
        try:
            subscription = collection.subscribe(target.namespace, self._since(query))
        except TooOld:
            await _write_error(response, self._too_old(query))
            return response
        first = b"".join(self._initial(query, view, collection, target.namespace))
        try:
            await response.write(first)
            await self._stream(response, subscription, view, query)
        except ClientConnectionResetError:
            pass  # the client has left
        finally:
            collection.unsubscribe(subscription)
        return response

    def _since(self, query: ListQuery) -> int:
        is_from_now = not query.revision or query.send_initial_events
        return self._store.revision if is_from_now else query.revision or 0

    def _initial(
        self, query: ListQuery, view: _View, collection: Collection, namespace: str
    ) -> Iterator[bytes]:
        wanted = query.send_initial_events
        if wanted or (wanted is None and not query.revision):
            for stored in collection.objects(namespace):
                if view.selection.matches(stored):
                    yield view.initial(stored)
        if wanted and query.bookmarks:
            yield self._bookmark(view.form, _INITIAL_END)

    async def _stream(
        self,
        response: web.StreamResponse,
        subscription: Subscription,
        view: _View,
        query: ListQuery,
    ) -> None:
        """Write changes, and bookmarks while there are none, until it is time."""
        loop = asyncio.get_running_loop()
        lasts = query.timeout or self._random.randint(_SHORTEST, _LONGEST)
        end = loop.time() + lasts
        pause = _next_pause(loop.time(), end, query)
        while loop.time() < end:
            try:
                async with asyncio.timeout_at(pause):
                    changes = await subscription.take()
            except TimeoutError:
                if pause < end:
                    await response.write(self._bookmark(view.form, None))
                pause = _next_pause(loop.time(), end, query)
                continue
            except (Ended, Overrun):
                return
            if lines := b"".join(map(view.lines, changes)):
                await response.write(lines)

    def _bookmark(self, form: Form, annotations: dict[str, str] | None) -> bytes:
        metadata: Object = {
            "resourceVersion": str(self._store.revision),
            "creationTimestamp": None,
        }
        if annotations:
            metadata["annotations"] = annotations
        return event_line("BOOKMARK", form.bookmark(metadata))

    def _too_old(self, query: ListQuery) -> ApiError:
        return expired(
            f"too old resource version: {query.revision} ({self._store.revision})"
        )


def _next_pause(now: float, end: float, query: ListQuery) -> float:
    """Return when to stop waiting for changes: for a bookmark, or for good."""
    if not query.bookmarks:
        return end
    last = end - _BOOKMARK_BEFORE_END
    return min(now + _BOOKMARK_EVERY, last if now < last else end)


async def _write_error(response: web.StreamResponse, error: ApiError) -> None:
    # A watch that was accepted tells its failure as an event, not as a status code.
    await response.write(event_line("ERROR", encode(error.as_json())))
