"""Reading a whole state of a server, in pages or as the beginning of a watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vso_controller.foundation.errors import Invalid, Transient
from vso_controller.foundation.listwatch import EventType, Page, WatchEvent
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Keyed, ListWatch

T = TypeVar("T", bound=Keyed)

Heard = Callable[[], None]
"""Called whenever the server showed that it is there."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """All objects of a list, as of `resource_version` or a little later."""

    items: tuple[T, ...]
    resource_version: str


async def read_pages(
    source: ListWatch[T], version: str, *, name: str, page_timeout: float, heard: Heard
) -> Listing[T]:
    """Read the list of `name`, page by page, each within `page_timeout` seconds.

    `version` is as in `ListWatch.list_page`, whose errors are raised as they are.
    """
    reader = _PageReader(source, name, page_timeout, heard)
    first = page = await reader.read(version, "")
    items = list(page.items)
    while page.continue_token:
        page = await reader.read("", page.continue_token)
        items += page.items
    return Listing(tuple(items), first.resource_version)


async def read_initial_events(
    events: AsyncIterator[WatchEvent[T]], *, name: str, within: float, heard: Heard
) -> Listing[T]:
    """Read the state that a watch of `name` begins with, and leave the rest.

    Raises Invalid if its end is not told `within` so many seconds: a server that
    does not know initial events sends none, and no end of them.
    """
    try:
        async with asyncio.timeout(within):
            return await _collect(events, name, heard)
    except TimeoutError as error:
        raise Invalid(f"the initial events of {name} took too long") from error


async def _collect(
    events: AsyncIterator[WatchEvent[T]], name: str, heard: Heard
) -> Listing[T]:
    items: dict[ObjectKey, T] = {}
    async for event in events:
        heard()
        if event.ends_initial_events:
            return Listing(tuple(items.values()), event.resource_version)
        if event.item is None:
            continue
        if event.type is EventType.DELETED:
            items.pop(event.item.key, None)
        else:
            items[event.item.key] = event.item
    raise Invalid(f"the initial events of {name} had no end")


@dataclass(frozen=True, slots=True)
class _PageReader(Generic[T]):
    source: ListWatch[T]
    name: str
    timeout: float
    heard: Heard

    async def read(self, version: str, token: str) -> Page[T]:
        try:
            async with asyncio.timeout(self.timeout):
                page = await self.source.list_page(
                    resource_version=version, continue_token=token
                )
        except TimeoutError as error:
            raise Transient(
                f"a page of the list of {self.name} took too long"
            ) from error
        self.heard()
        return page
