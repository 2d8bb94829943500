"""Stores that are fed on demand, one for each scope that somebody asks for.

Most namespaces have nothing that must be watched there. The first who asks for
one has its reflector started, and the last who lets go has it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from vso_controller.runtime.ports import Keyed
from vso_controller.runtime.store import Handler, Store

T = TypeVar("T", bound=Keyed)


class Feed(Protocol):
    """What keeps one store, for ever. A `Reflector` is one."""

    async def run(self) -> None: ...


@dataclass(slots=True)
class _Informer(Generic[T]):
    store: Store[T]
    users: set[Hashable] = field(default_factory=set)
    task: asyncio.Task[None] | None = None


class Informers(Generic[T]):
    """Keeps a store for each scope (a namespace) while it has users.

    `handler` is told of every change in any of them. Reflectors run while `run`
    runs; who asks before gets a store that is filled later.
    """

    def __init__(
        self, *, make_feed: Callable[[str, Store[T]], Feed], handler: Handler[T]
    ) -> None:
        self._make_feed = make_feed
        self._handler = handler
        self._informers: dict[str, _Informer[T]] = {}
        self._group: asyncio.TaskGroup | None = None  # while `run` runs

    def __len__(self) -> int:
        return len(self._informers)

    def store(self, scope: str, *, user: Hashable) -> Store[T]:
        """Return the store of `scope`, which is kept until `user` lets go of it.

        It may not have synced yet: nobody waits here.
        """
        informer = self._informers.get(scope)
        if informer is None:
            informer = self._informers[scope] = _Informer(Store())
            informer.store.add_handler(self._handler)
            self._start(scope, informer)
        informer.users.add(user)
        return informer.store

    def release(self, scope: str, *, user: Hashable) -> None:
        """Let go of the store of `scope`. It is no error not to have held it."""
        informer = self._informers.get(scope)
        if informer is None:
            return
        informer.users.discard(user)
        if informer.users:
            return
        del self._informers[scope]
        if informer.task is not None:
            informer.task.cancel()

    def clear(self) -> None:
        """Let go of all stores, for all users."""
        for scope, informer in tuple(self._informers.items()):
            for user in tuple(informer.users):
                self.release(scope, user=user)

    async def run(self) -> None:
        """Feed all stores until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for scope, informer in self._informers.items():
                self._start(scope, informer)
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def _start(self, scope: str, informer: _Informer[T]) -> None:
        if self._group is not None:
            feed = self._make_feed(scope, informer.store)
            informer.task = self._group.create_task(feed.run())
