"""Watches: changes as they happen, one JSON line each.

A change is encoded once for all watchers that see it in the same form. A watcher with
a selector sees an object that begins to match as added, and one that ceases to match
as deleted, in its last matching state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aiohttp import ClientConnectionResetError, web

from devcluster.clock import Outside
from devcluster.errors import ApiError
from devcluster.http.answers import JSON_TYPE
from devcluster.http.forms import Form, choose_form
from devcluster.http.targets import Call
from devcluster.objects.json import Object, encode
from devcluster.registry.listing import Selection, require_reached
from devcluster.registry.options import Options
from devcluster.storage.objects import Change, ChangeType, ObjectKey, Stored, freeze
from devcluster.storage.store import Ended, Store, Subscription, TooOld

_SHORTEST = 1800  # seconds that a watch lasts when the client names no timeout
_LONGEST = 3600
_BOOKMARK_EVERY = 60.0  # seconds
_BOOKMARK_BEFORE_END = 2.0  # seconds
_NOBODY = ObjectKey("", "")
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class _View:
    """What one watcher sees of a collection, and in which form."""

    form: Form
    selection: Selection

    def line(self, change: Change) -> bytes:
        """Return the line that a change is to this watcher, b"" for none."""
        seen, shown = self._seen(change)
        if seen is None:
            return b""
        memo = (seen, f"{self.form.name} {shown is change.current}")
        if memo not in change.lines:
            if shown is not change.current:
                shown = freeze(shown.key, shown.value(), change.current.revision)
            change.lines[memo] = event_line(seen, self.form.single(shown))
        return change.lines[memo]

    def _seen(self, change: Change) -> tuple[ChangeType | None, Stored]:
        """Return what happened in this watcher's eyes, and the state to show."""
        current, previous = change.current, change.previous
        if self.selection.is_everything:
            return change.type, current
        is_deleted = change.type is ChangeType.DELETED
        before = previous is not None and self.selection.matches(previous)
        after = not is_deleted and self.selection.matches(current)
        if previous is not None and before and not after:
            return ChangeType.DELETED, current if is_deleted else previous
        if not after:
            return None, current
        return (ChangeType.MODIFIED if before else ChangeType.ADDED), current


def event_line(event: str, shown: bytes) -> bytes:
    """Write one event of a watch."""
    return b'{"type":"' + event.encode() + b'","object":' + shown + b"}\n"


class Watcher:
    """Answers watch requests."""

    def __init__(self, *, store: Store, outside: Outside) -> None:
        self._store = store
        self._outside = outside

    async def watch(self, call: Call) -> web.StreamResponse:
        """Stream changes until the timeout, the end of the kind or of the server."""
        form, options = choose_form(call, self._outside.now), call.options
        view = _View(form, Selection.parse(call.resource, options))
        if options.send_initial_events:
            require_reached(options, self._store.revision)
        response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
        await response.prepare(call.request)
        is_from_now = not options.resource_version or options.send_initial_events
        since = self._store.revision if is_from_now else options.resource_version or 0
        collection = self._store.collection(call.resource.collection)
        namespace = call.target.namespace
        try:
            # No await between listening for what comes and reading what is there.
            with collection.subscribed(namespace, since) as subscription:
                first = self._initial(options, view, collection.objects(namespace))
                await response.write(b"".join(first))
                await self._stream(response, subscription, view, options)
        except TooOld:
            # A watch that was accepted tells its failure as an event.
            gone = ApiError("Expired", f"too old resource version: {since}")
            await response.write(event_line("ERROR", encode(gone.as_json())))
        except (Ended, ClientConnectionResetError):
            pass  # nothing more comes, or the client has left
        return response

    def _initial(
        self, options: Options, view: _View, objects: Iterable[Stored]
    ) -> Iterator[bytes]:
        wanted = options.send_initial_events
        if wanted or (wanted is None and not options.resource_version):
            for stored in objects:
                if view.selection.matches(stored):
                    yield event_line(ChangeType.ADDED, view.form.single(stored))
        if wanted and options.allow_watch_bookmarks:
            yield self._bookmark(view.form, {"annotations": _INITIAL_END})

    async def _stream(
        self,
        response: web.StreamResponse,
        subscription: Subscription,
        view: _View,
        options: Options,
    ) -> None:
        """Write changes, and bookmarks while there are none, until it is time."""
        loop = asyncio.get_running_loop()
        lasts = options.timeout_seconds or self._outside.random.randint(
            _SHORTEST, _LONGEST
        )
        end = loop.time() + lasts
        pause = _next_pause(loop.time(), end, options)
        while loop.time() < end:
            try:
                async with asyncio.timeout_at(pause):
                    lines = b"".join(map(view.line, await subscription.take()))
            except TimeoutError:
                lines = self._bookmark(view.form, {}) if pause < end else b""
                pause = _next_pause(loop.time(), end, options)
            if lines:
                await response.write(lines)

    def _bookmark(self, form: Form, metadata: Object) -> bytes:
        value = {"metadata": {"creationTimestamp": None} | metadata}
        empty = freeze(_NOBODY, value, self._store.revision)
        return event_line("BOOKMARK", form.single(empty))


def _next_pause(now: float, end: float, options: Options) -> float:
    """Return when to stop waiting for changes: for a bookmark, or for good."""
    if not options.allow_watch_bookmarks:
        return end
    last = end - _BOOKMARK_BEFORE_END
    return min(now + _BOOKMARK_EVERY, last if now < last else end)
