"""The only cache: the objects of one kind as the server last told of them.

A store is fed by its reflectors (`replace`, `apply`) and by the replies to our own
writes (`writing`), so a reconciler that runs again at once reads what it wrote. One
reflector feeds all of it, or one each of the namespaces that are its scopes. It
promises:

* an object never goes back to a version older than one that was held, nor comes back
  after we deleted it;
* handlers are told of each change that somebody else made, if only as part of a
  later state, and of an object replaced under its name as of a deletion and a
  creation;
* handlers are not told of our own writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from vso_controller.foundation.listwatch import EVERYWHERE, EventType, WatchEvent
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.index import Index, IndexFunction
from vso_controller.runtime.ownwrites import OwnWrites, same_version
from vso_controller.runtime.ports import Keyed
from vso_controller.runtime.versions import is_older

T = TypeVar("T", bound=Keyed)

Handler = Callable[[T | None, T | None], None]
"""Takes (old, new): an old of None is a creation, a new of None a deletion.

It runs on the event loop after the store and its indexes took the change in; it
must neither block nor raise."""


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """A write of ours that is under way."""

    landed: Callable[[T], None]
    """Takes the object the server replied with, as soon as the reply is here."""

    deleted: Callable[[T], None]
    """Takes the object as it was before a deletion that the server confirmed."""


class Store(Generic[T]):
    """See the module docstring for the promises this class keeps.

    No method but `wait_synced` awaits, so every one sees and leaves a whole state.
    """

    def __init__(self, *, scopes: Collection[str] = (EVERYWHERE,)) -> None:
        self._scopes = frozenset(scopes)
        self._unlisted = set(scopes)  # of which no whole list was here yet
        self._items: dict[ObjectKey, T] = {}
        self._indexes: dict[str, Index[T]] = {}  # always agree with `_items`
        self._handlers: list[Handler[T]] = []
        # The keys with a write that is open or whose echo has not come.
        self._own: dict[ObjectKey, OwnWrites[T]] = {}
        self._synced = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def has_synced(self) -> bool:
        """Whether every scope has been filled from a whole list at least once."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Wait until `has_synced`."""
        await self._synced.wait()

    def get(self, key: ObjectKey) -> T | None:
        """Return the object named `key`, None if there is none."""
        return self._items.get(key)

    def keys(self) -> tuple[ObjectKey, ...]:
        """Return the keys of all objects."""
        return tuple(self._items)

    def values(self) -> tuple[T, ...]:
        """Return all objects."""
        return tuple(self._items.values())

    def by_index(self, name: str, value: Hashable) -> tuple[T, ...]:
        """Return the objects that index `name` has under `value`."""
        return tuple(self._items[key] for key in self._indexes[name].keys(value))

    def add_index(self, name: str, function: IndexFunction[T]) -> None:
        """Keep an index of the values that `function` names for each object."""
        index = self._indexes[name] = Index(function)
        for key, item in self._items.items():
            index.update(key, item)

    def add_handler(self, handler: Handler[T]) -> None:
        """Tell `handler` of every change from now on."""
        self._handlers.append(handler)

    def replace(
        self, items: Iterable[T], resource_version: str, *, scope: str = EVERYWHERE
    ) -> None:
        """Take in a whole list of `scope`, as of `resource_version`.

        What is held in a newer version stays, our own writes above all. With ""
        nothing does: the server's history began anew, as after a restored backup.
        Other scopes are not touched. Raises ValueError for a scope that is not one
        of this store's.
        """
        if scope not in self._scopes:
            raise ValueError(f"{scope!r} is no scope of this store")
        listed = {item.key: item for item in items}
        known = (key for key in (*self._items, *self._own) if _is_in(key, scope))
        keys = dict.fromkeys((*known, *listed))
        changes = [self._learn(key, listed.get(key), resource_version) for key in keys]
        self._unlisted.discard(scope)
        if not self._unlisted:
            self._synced.set()
        for change in changes:
            self._tell(change)

    def apply(self, event: WatchEvent[T]) -> None:
        """Take in one event of a watch. A bookmark changes nothing."""
        item = event.item
        if item is None:
            return
        version = item.resource_version
        if event.type is EventType.DELETED:
            self._tell(self._learn(item.key, None, version, gone=item.uid))
        else:
            self._tell(self._learn(item.key, item, version))

    @contextmanager
    def writing(self, key: ObjectKey) -> Iterator[Write[T]]:
        """Announce a write of `key`, for the length of the `with` block.

        The write must carry the version it was made from, so that the server refuses
        it when somebody else was faster. The handlers are told nothing about `key`
        before the block ends, and then only if somebody else changed it too. A write
        whose reply never comes (the block ends without `landed` or `deleted`) counts
        as somebody else's. Blocks for one key may overlap; the last to end counts.
        """
        own = self._own.setdefault(key, OwnWrites(told=self._items.get(key)))
        own.open += 1
        try:
            yield Write(
                landed=partial(self._land, key, own),
                deleted=partial(self._delete, key, own),
            )
        finally:
            own.open -= 1
            self._tell(self._settle(key, own))

    def _land(self, key: ObjectKey, own: OwnWrites[T], item: T) -> None:
        if item.key != key:
            raise ValueError(f"the write of {key} was answered with {item.key}")
        if own.land(item, self._items.get(key)):
            self._put(key, item)

    def _delete(self, key: ObjectKey, own: OwnWrites[T], item: T) -> None:
        own.delete(item)
        held = self._items.get(key)
        if held is not None and held.uid == item.uid:
            self._put(key, None)

    def _learn(
        self, key: ObjectKey, item: T | None, as_of: str, *, gone: str = ""
    ) -> tuple[T | None, T | None] | None:
        """Take in what the server says of `key`; return what to tell the handlers."""
        before = self._items.get(key)
        own = self._own.get(key)
        if own is not None and own.is_past(item, as_of):
            return None
        if before is None or not is_older(as_of, before.resource_version):
            gone = gone or ("" if before is None else before.uid)
            self._put(key, item)
        if own is None:
            return before, self._items.get(key)
        own.hear(item, as_of, gone=gone)
        return self._settle(key, own)

    def _settle(
        self, key: ObjectKey, own: OwnWrites[T]
    ) -> tuple[T | None, T | None] | None:
        change = own.settle(self._items.get(key))
        if own.finished:
            del self._own[key]
        return change

    def _put(self, key: ObjectKey, item: T | None) -> None:
        if same_version(self._items.get(key), item):
            return  # most of a repeated list: spare the indexes
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item
        for index in self._indexes.values():
            index.update(key, item)

    def _tell(self, change: tuple[T | None, T | None] | None) -> None:
        if change is None or same_version(*change):
            return
        old, new = change
        if old is not None and new is not None and old.uid != new.uid:
            self._tell((old, None))
            self._tell((None, new))
            return
        for handler in self._handlers:
            handler(old, new)


def _is_in(key: ObjectKey, scope: str) -> bool:
    return scope in {EVERYWHERE, key.namespace}
