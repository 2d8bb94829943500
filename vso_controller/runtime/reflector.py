"""Keeps one store, or one namespace of it, like the server's list, for ever.

It reads the whole state once, watches from its version, and takes up a watch that
ended at the last version it told of. It reads the state anew only when the server
no longer knows that version. The manners are those of client-go's reflector, with
shorter watches: silence on an idle kind proves nothing, so each watch has an end
that the client enforces.

The state comes as the initial events of a watch where the server offers that, which
costs the server least, and else in pages. The store never sees half of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Generic, TypeVar

import structlog

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    Invalid,
    OperationFailed,
    Throttled,
    Transient,
)
from vso_controller.foundation.listwatch import EVERYWHERE, WatchEvent
from vso_controller.runtime.backoff import Backoff
from vso_controller.runtime.cursor import Cursor
from vso_controller.runtime.listing import Listing, read_initial_events, read_pages
from vso_controller.runtime.ports import Keyed, ListWatch
from vso_controller.runtime.store import Store

T = TypeVar("T", bound=Keyed)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReflectorTiming:
    """The durations of a reflector, in seconds."""

    watch_shortest: float = 60.0
    """The server is asked to end a watch after a random time from here..."""
    watch_longest: float = 80.0
    """...to here, so that the watches of a fleet do not end together."""
    watch_grace: float = 10.0
    """A watch that outlives its time by this much is dead."""
    watch_too_short: float = 1.0
    """A watch that ends sooner is a failure: taking it up at once would be a storm."""
    list_page: float = 60.0
    """How long one page may take."""
    initial_events: float = 30.0
    """How long all initial events of a watch may take."""
    initial_events_rest: float = 3600.0
    """How long a server that refused them is not asked for initial events."""
    backoff_initial: float = 0.8
    backoff_maximum: float = 30.0
    backoff_reset: float = 120.0
    """The back-off starts anew after this much health."""

    @property
    def longest_silence(self) -> float:
        """How long a server that is there may go unheard.

        One watch may go dead without a word, and be found out at the end of its grace;
        then comes a rest, and an answer to the next request within another grace.
        """
        return self.watch_longest + 2 * self.watch_grace + self.backoff_maximum


class _Step(StrEnum):
    """What a reflector does next."""

    LIST = "list"
    """Read the state in pages."""
    STREAM = "stream"
    """Watch, beginning with the state."""
    WATCH = "watch"
    """Watch from where we are."""


class Reflector(Generic[T]):
    """Feeds the `scope` of one `Store` from one `ListWatch`. `run` is its life."""

    def __init__(
        self,
        *,
        name: str,
        source: ListWatch[T],
        store: Store[T],
        clock: Clock,
        random: Random,
        timing: ReflectorTiming,
        scope: str = EVERYWHERE,
    ) -> None:
        self.name = name
        self._source = source
        self._store = store
        self._scope = scope
        self._clock = clock
        self._random = random
        self._timing = timing
        self._backoff = Backoff(
            initial=timing.backoff_initial,
            maximum=timing.backoff_maximum,
            reset_after=timing.backoff_reset,
            clock=clock,
            random=random,
        )
        self._cursor = Cursor(name=name)
        # A stream that broke leaves the next try to pages: better slow than never.
        self._pages_next = False
        # Until when the server is not asked for a stream, since it refused one.
        self._pages_until = -math.inf
        self._has_synced = False
        self._last_contact: float | None = None

    @property
    def has_synced(self) -> bool:
        """Whether the whole state was read at least once."""
        return self._has_synced

    @property
    def last_contact(self) -> float | None:
        """When the server last showed that it is there, on the monotonic clock.

        While all is well this is never older than the longest watch and its grace,
        also for a kind of which nothing happens. None: it never did.
        """
        return self._last_contact

    async def run(self) -> None:
        """Feed the store until cancelled. No fault of the server ends it."""
        while True:
            rest = await self._advance()
            if rest > 0:
                await asyncio.sleep(rest)

    async def _advance(self) -> float:
        """Take the next step; return the rest to take then."""
        step = self._next_step()
        try:
            await self._take(step)
        except OperationFailed as error:
            return self._rest_after(error, step)
        return 0.0

    def _next_step(self) -> _Step:
        if not self._cursor.must_list:
            return _Step.WATCH
        if self._pages_next or self._clock.monotonic() < self._pages_until:
            return _Step.LIST
        return _Step.STREAM

    async def _take(self, step: _Step) -> None:
        if step is _Step.LIST:
            await self._list()
        else:
            await self._watch(initial_events=step is _Step.STREAM)

    def _rest_after(self, error: OperationFailed, step: _Step) -> float:
        unread = step is _Step.STREAM and self._cursor.must_list
        if unread and isinstance(error, Invalid):
            rest = self._timing.initial_events_rest
            self._pages_until = self._clock.monotonic() + rest
            log.info("initial_events_refused", reflector=self.name, error=str(error))
            return 0.0

        asked = error.retry_after if isinstance(error, Throttled) else 0.0
        if unread and not asked:
            self._pages_next = True
        self._cursor.failed(error)
        rest = max(self._backoff.next_rest(), asked)
        log.warning(
            "watch_failed" if step is _Step.WATCH else "list_failed",
            reflector=self.name,
            error=str(error),
            rest=round(rest, 3),
        )
        return rest

    async def _list(self) -> None:
        asked = self._cursor.list_version
        listing = await read_pages(
            self._source,
            asked,
            name=self.name,
            page_timeout=self._timing.list_page,
            heard=self._hear,
        )
        self._fill(listing, asked)
        self._pages_next = False

    def _fill(self, listing: Listing[T], asked: str) -> None:
        restarted = self._cursor.listed(listing.resource_version, asked=asked)
        version = "" if restarted else listing.resource_version
        self._store.replace(listing.items, version, scope=self._scope)
        self._has_synced = True

    async def _watch(self, *, initial_events: bool) -> None:
        timing = self._timing
        wanted = self._random.uniform(timing.watch_shortest, timing.watch_longest)
        opened = self._clock.monotonic()
        try:
            async with asyncio.timeout(wanted + timing.watch_grace):
                await self._follow(wanted, initial_events)
        except TimeoutError as error:
            raise Transient(f"the watch of {self.name} went dead") from error
        if self._clock.monotonic() - opened < timing.watch_too_short:
            raise Transient(f"the watch of {self.name} ended as soon as it began")

    async def _follow(self, wanted: float, initial_events: bool) -> None:
        """Apply what one watch tells until the server ends it."""
        cursor = self._cursor
        asked = cursor.list_version if initial_events else cursor.version
        watch = self._source.watch(
            resource_version=asked, timeout=wanted, initial_events=initial_events
        )
        async with watch as events:
            self._hear()
            cursor.accepted()
            if initial_events:
                self._fill(await self._initial(events), asked)
            async for event in events:
                self._hear()
                cursor.told(event.resource_version)
                self._store.apply(event)
        self._hear()

    async def _initial(self, events: AsyncIterator[WatchEvent[T]]) -> Listing[T]:
        return await read_initial_events(
            events,
            name=self.name,
            within=self._timing.initial_events,
            heard=self._hear,
        )

    def _hear(self) -> None:
        self._last_contact = self._clock.monotonic()
