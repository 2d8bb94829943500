"""What the engine asks of its neighbours, as Protocols, and what it hands them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from vso_controller.foundation.leases import LeaseRecord
from vso_controller.foundation.listwatch import Page, WatchEvent
from vso_controller.foundation.objects import ObjectKey

T = TypeVar("T")


class Keyed(Protocol):
    """What a store keeps: an object of which it reads the identity, no more."""

    @property
    def key(self) -> ObjectKey: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


class ListWatch(Protocol[T]):
    """Lists and watches the objects of one kind (one selector, one scope).

    Faults are raised as errors of `foundation.errors`: `Gone` for a version or
    a kind that is no longer served, `VersionTooLarge` for one that the server has
    not come to, `Throttled`, `Transient`, `Denied`.
    """

    async def list_page(self, *, resource_version: str, continue_token: str) -> Page[T]:
        """Read one page of the list.

        `resource_version` "" asks for the newest state there is, any other for
        one that is not older. A continued list (`continue_token` not "") carries
        its version in the token, and `resource_version` is "" then.
        """
        ...

    def watch(
        self, *, resource_version: str, timeout: float, initial_events: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[T]]]:
        """Open a watch of what happens after `resource_version`, bookmarks included.

        The server is asked to end it after `timeout` seconds; the iterator then
        ends. Entering means that the server has accepted the watch.

        With `initial_events` it begins with a state that `resource_version` chooses
        as it does for a list: an ADDED for each object in any order, up to the
        bookmark that `ends_initial_events`. A server that does not offer that
        refuses (`Invalid`).
        """
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reconcile that did its work says about the next one.

    `requeue_after` is in seconds; None: nothing further is due by the clock.
    """

    requeue_after: float | None = None


class Reconciler(Protocol):
    """Makes one object of a kind what it should be.

    It is told which object, never what changed, so a call must be safe to repeat.
    `woken_at` is on the loop's clock: an answer to a question that was asked before
    may be older than the news that woke the key.
    It returns an `Outcome`, or raises: then the key rests and is tried again.
    """

    async def reconcile(self, key: ObjectKey, woken_at: float, /) -> Outcome: ...


class LeaseStore(Protocol):
    """Keeps one Lease where every candidate sees it.

    `create` raises an error of `foundation.errors` when there is one already,
    `update` a LeaseChanged when the record's `resource_version` is no longer the
    stored one. Both return the record as it is stored now.
    """

    async def read(self) -> LeaseRecord | None: ...
    async def create(self, record: LeaseRecord) -> LeaseRecord: ...
    async def update(self, record: LeaseRecord) -> LeaseRecord: ...
