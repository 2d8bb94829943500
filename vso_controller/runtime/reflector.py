"""Keeps one store like one list of the server, for ever.

It lists once, watches from the version of that list, and takes up a watch that
ended at the last version it told of. It lists anew only when the server no longer
knows that version. The manners are those of client-go's reflector, with shorter
watches: silence on an idle kind proves nothing, so each watch has an end that the
client enforces.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

import structlog

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    Gone,
    OperationFailed,
    Throttled,
    Transient,
)
from vso_controller.foundation.listwatch import Page, WatchEvent
from vso_controller.runtime.backoff import Backoff
from vso_controller.runtime.ports import Keyed, ListWatch
from vso_controller.runtime.store import Store
from vso_controller.runtime.versions import is_older

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
    backoff_initial: float = 0.8
    backoff_maximum: float = 30.0
    backoff_reset: float = 120.0
    """The back-off starts anew after this much health."""


class Reflector(Generic[T]):
    """Feeds one `Store` from one `ListWatch`. `run` is its life."""

    def __init__(
        self,
        *,
        name: str,
        source: ListWatch[T],
        store: Store[T],
        clock: Clock,
        random: Random,
        timing: ReflectorTiming,
    ) -> None:
        self.name = name
        self._source = source
        self._store = store
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
        self._version = ""  # the newest the server told of, "" before it did
        self._must_list = True
        # A list at "" is the truth as of now, but costs the server most.
        self._list_newest = True
        # The newest list was older than `_version`, once.
        self._doubts = False
        self._last_contact: float | None = None

    @property
    def has_synced(self) -> bool:
        """Whether the store has been filled from a whole list at least once."""
        return self._store.has_synced

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
        """List if that is due, else watch once; return the rest to take then."""
        listing = self._must_list
        try:
            return await (self._list() if listing else self._watch())
        except OperationFailed as error:
            if isinstance(error, Gone):
                self._must_list = True
            asked = error.retry_after if isinstance(error, Throttled) else 0.0
            rest = max(self._backoff.next_rest(), asked)
            log.warning(
                "list_failed" if listing else "watch_failed",
                reflector=self.name,
                error=str(error),
                rest=round(rest, 3),
            )
            return rest

    async def _list(self) -> float:
        asked = "" if self._list_newest else self._version
        # Whatever goes wrong, the next answer shall not depend on this version:
        # it may be compacted, or newer than the server that is asked.
        self._list_newest = True
        first, items = await self._read_pages(asked)
        restarted = self._went_back(first.resource_version, asked)

        self._store.replace(items, "" if restarted else first.resource_version)
        # Later pages may be newer; what they tell too early, the watch tells again.
        self._version = first.resource_version
        self._must_list = False
        self._list_newest = False
        self._doubts = False
        return 0.0

    async def _read_pages(self, version: str) -> tuple[Page[T], list[T]]:
        """Read a whole list. Return its first page, and the items of all."""
        first = page = await self._read_page(version, "")
        items = list(page.items)
        while page.continue_token:
            page = await self._read_page("", page.continue_token)
            items += page.items
        return first, items

    async def _read_page(self, version: str, token: str) -> Page[T]:
        try:
            async with asyncio.timeout(self._timing.list_page):
                page = await self._source.list_page(
                    resource_version=version, continue_token=token
                )
        except TimeoutError as error:
            raise Transient(
                f"a page of the list of {self.name} took too long"
            ) from error
        self._last_contact = self._clock.monotonic()
        return page

    def _went_back(self, version: str, asked: str) -> bool:
        """Return whether the server's history began anew.

        A list that is older than what was seen comes from a server that lags
        behind, so it is refused (Transient); when the newest state there is was
        asked for, and twice, it is a restored backup and the truth.
        """
        if not is_older(version, self._version):
            return False
        if asked == "" and self._doubts:
            log.warning("history_restarted", reflector=self.name, version=version)
            return True
        self._doubts = asked == ""
        raise Transient(
            f"the list of {self.name} is of version {version}, "
            f"older than {self._version} which was seen before"
        )

    async def _watch(self) -> float:
        timing = self._timing
        wanted = self._random.uniform(timing.watch_shortest, timing.watch_longest)
        opened = self._clock.monotonic()
        try:
            async with asyncio.timeout(wanted + timing.watch_grace):
                await self._follow(wanted)
        except TimeoutError as error:
            raise Transient(f"the watch of {self.name} went dead") from error
        if self._clock.monotonic() - opened < timing.watch_too_short:
            raise Transient(f"the watch of {self.name} ended as soon as it began")
        return 0.0

    async def _follow(self, wanted: float) -> None:
        """Apply what one watch tells until the server ends it."""
        watch = self._source.watch(resource_version=self._version, timeout=wanted)
        async with watch as events:
            self._last_contact = self._clock.monotonic()
            async for event in events:
                self._last_contact = self._clock.monotonic()
                self._take(event)
        self._last_contact = self._clock.monotonic()

    def _take(self, event: WatchEvent[T]) -> None:
        if is_older(event.resource_version, self._version):
            # Events come in the order of their versions. If these do not, some may
            # be missing and others may be of objects long gone: ask for the whole.
            raise Gone(
                f"the watch of {self.name} went back from version "
                f"{self._version} to {event.resource_version}"
            )
        self._store.apply(event)
        self._version = event.resource_version or self._version
