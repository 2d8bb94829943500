"""Watches: changes as they happen, one JSON line each.

A change is encoded once for all watchers that see it in the same form. A watcher with
a selector sees an object that begins to match as added, and one that ceases to match
as deleted, in its last matching state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import ClientConnectionResetError, web

from devcluster.errors import ApiError
from devcluster.http.bodies import JSON_TYPE
from devcluster.http.calls import Call
from devcluster.http.forms import Form, choose_form
from devcluster.objects.json import JSONValue, encode
from devcluster.registry.listing import Selection, require_reached
from devcluster.registry.options import Options
from devcluster.storage.objects import Change, ChangeType, ObjectKey, freeze
from devcluster.storage.store import Ended, Subscription, TooOld

_SHORTEST = 1800  # seconds that a watch lasts when the client names no timeout
_LONGEST = 3600
_BOOKMARK_EVERY = 60.0  # seconds
_BOOKMARK_BEFORE_END = 2.0  # seconds
_DELETED = ChangeType.DELETED
# What happened to a watcher by whether the object matched before, and does after.
_SEEN: Mapping[tuple[bool, bool], ChangeType] = {
    (False, True): ChangeType.ADDED,
    (True, True): ChangeType.MODIFIED,
    (True, False): ChangeType.DELETED,
}
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class _View:
    """What one watcher sees of a collection, and in which form."""

    form: Form
    selection: Selection

    def line(self, change: Change) -> bytes:
        """Return the line that a change is to this watcher, b"" for none."""
        seen = self._seen(change)
        if seen is None:
            return b""
        memo = (self.form.name, seen)
        if memo not in change.lines:
            shown, past = change.current, change.previous
            has_ceased = seen is _DELETED and change.type is not _DELETED
            if has_ceased and past is not None:
                shown = freeze(past.key, past.value(), shown.revision)
            change.lines[memo] = event_line(seen, self.form.single(shown))
        return change.lines[memo]

    def _seen(self, change: Change) -> ChangeType | None:
        """Return what happened in this watcher's eyes, None for nothing."""
        past, is_deleted = change.previous, change.type is _DELETED
        before = past is not None and self.selection.matches(past)
        after = not is_deleted and self.selection.matches(change.current)
        return _SEEN.get((before, after))

    def bookmark(self, revision: int, **metadata: JSONValue) -> bytes:
        """Return the line that tells how far the watcher has come."""
        value = {"metadata": {"creationTimestamp": None} | metadata}
        empty = freeze(ObjectKey("", ""), value, revision)
        return event_line("BOOKMARK", self.form.single(empty))


def event_line(event: str, shown: bytes) -> bytes:
    """Write one event of a watch."""
    return b'{"type":"' + event.encode() + b'","object":' + shown + b"}\n"


async def watch(call: Call) -> web.StreamResponse:
    """Stream changes until the timeout, the end of the kind or of the server."""
    options, store = call.options, call.registry.store
    view = _View(choose_form(call), Selection.parse(call.resource, options))
    if options.send_initial_events:
        require_reached(options, store.revision)
    response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    await response.prepare(call.request)
    is_from_now = not options.resource_version or options.send_initial_events
    since = store.revision if is_from_now else options.resource_version or 0
    collection = store.collection(call.resource.collection)
    try:
        # No await between listening for what comes and reading what is there.
        subscription = collection.subscribe(call.target.namespace, since)
        await response.write(b"".join(_first_lines(call, view)))
        await _stream(call, response, subscription, view)
    except TooOld:
        # A watch that was accepted tells its failure as an event.
        gone = ApiError("Expired", f"too old resource version: {since}")
        await response.write(event_line("ERROR", encode(gone.as_json())))
    except (Ended, ClientConnectionResetError):
        pass  # nothing more comes, or the client has left
    return response


def _first_lines(call: Call, view: _View) -> Iterator[bytes]:
    """Yield what is there already, where that is asked for."""
    options, store = call.options, call.registry.store
    wanted = options.send_initial_events
    if wanted or (wanted is None and not options.resource_version):
        collection = store.collection(call.resource.collection)
        objects = collection.objects(call.target.namespace)
        for stored in filter(view.selection.matches, objects):
            yield event_line(ChangeType.ADDED, view.form.single(stored))
    if wanted and options.allow_watch_bookmarks:
        yield view.bookmark(store.revision, annotations=_INITIAL_END)


async def _stream(
    call: Call, response: web.StreamResponse, subscription: Subscription, view: _View
) -> None:
    """Write changes, and bookmarks while there are none, until it is time."""
    loop, random = asyncio.get_running_loop(), call.registry.outside.random
    lasts = call.options.timeout_seconds or random.randint(_SHORTEST, _LONGEST)
    end = loop.time() + lasts
    pause = _next_pause(loop.time(), end, call.options)
    while loop.time() < end:
        lines = b""
        try:
            async with asyncio.timeout_at(pause):
                lines = b"".join(map(view.line, await subscription.take()))
        except TimeoutError:
            if pause < end:
                lines = view.bookmark(call.registry.store.revision)
            pause = _next_pause(loop.time(), end, call.options)
        if lines:
            await response.write(lines)


def _next_pause(now: float, end: float, options: Options) -> float:
    """Return when to stop waiting for changes: for a bookmark, or for good."""
    if not options.allow_watch_bookmarks:
        return end
    last = end - _BOOKMARK_BEFORE_END
    return min(now + _BOOKMARK_EVERY, last if now < last else end)
