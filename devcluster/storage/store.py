"""All objects of the cluster under one revision counter, with their recent history.

Nothing here awaits but the reader of a subscription, so every method is atomic on the
event loop.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter

from devcluster.objects.json import Object
from devcluster.storage.objects import Change, ChangeType, ObjectKey, Stored, freeze

Observer = Callable[[Change], None]

DEFAULT_HISTORY_LIMIT = 20_000  # changes of one kind
_key = attrgetter("key")


class TooOld(Exception):
    """Some of the changes asked for are not in the history any more."""


class Ended(Exception):
    """No more can come: the kind is not served any more, or the server stops."""


class Subscription:
    """Reads the history of a collection from a revision on, as it grows."""

    def __init__(self, *, collection: Collection, namespace: str, since: int) -> None:
        self._collection = collection
        self._namespace = namespace  # "" for all
        self._since = since
        self._era = collection.era

    async def take(self) -> list[Change]:
        """Wait for changes and return those of the namespace, of which may be none.

        Raises `Ended`, or `TooOld` for a reader that the writers left behind.
        """
        while not (changes := self._collection.changes_after(self._since)):
            if self._collection.era != self._era:
                raise Ended
            await self._collection.news.wait()
        self._since = changes[-1].current.revision
        where = self._namespace
        return [each for each in changes if where in {"", each.current.key.namespace}]


class Collection:
    """All objects of one kind, in every namespace."""

    def __init__(self, *, history_limit: int) -> None:
        self._objects: dict[ObjectKey, Stored] = {}
        self._ordered: list[Stored] | None = []  # None: to be sorted again
        self._history: deque[Change] = deque(maxlen=history_limit)
        self._lost = 0  # changes after this revision are all in the history
        self._floor = 0  # nothing may be asked for that is older than this revision
        self.news = asyncio.Event()  # set, and replaced, when there are any
        self.era = 0  # subscriptions end with the era in which they began

    def get(self, key: ObjectKey) -> Stored | None:
        """Return the object as it is now."""
        return self._objects.get(key)

    def objects(self, namespace: str = "") -> Sequence[Stored]:
        """Return the objects as they are now, in the order of their keys."""
        if self._ordered is None:
            self._ordered = sorted(self._objects.values(), key=_key)
        return _of_namespace(self._ordered, namespace)

    def objects_at(self, revision: int, namespace: str = "") -> Sequence[Stored]:
        """Return the objects as they were at `revision`. Raises `TooOld`."""
        self._require(revision)
        later = self.changes_after(revision)
        if not later:
            return self.objects(namespace)
        past = dict(self._objects)
        for change in reversed(later):
            if change.previous is None:
                del past[change.current.key]
            else:
                past[change.current.key] = change.previous
        return _of_namespace(sorted(past.values(), key=_key), namespace)

    def changes_after(self, revision: int) -> list[Change]:
        """Return what happened after `revision`. Raises `TooOld`."""
        if revision < self._lost:
            raise TooOld
        later = []
        for change in reversed(self._history):
            if change.current.revision <= revision:
                break
            later.append(change)
        return later[::-1]

    def apply(self, change: Change) -> None:
        """Take a change in and tell who listens."""
        key = change.current.key
        if change.type is ChangeType.DELETED:
            del self._objects[key]
        else:
            self._objects[key] = change.current
        self._ordered = None
        if len(self._history) == self._history.maxlen:
            self._lost = self._history[0].current.revision
        self._history.append(change)
        self._tell()

    def subscribe(self, namespace: str, since: int) -> Subscription:
        """Listen after the revision `since`. Raises `TooOld`."""
        self._require(since)
        return Subscription(collection=self, namespace=namespace, since=since)

    def compact(self, revision: int) -> None:
        """Refuse what is older than `revision`. Those who listen miss nothing."""
        self._floor = revision

    def end_subscriptions(self) -> None:
        """Send every listener home once they took what is there."""
        self.era += 1
        self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    def _require(self, revision: int) -> None:
        if revision < max(self._floor, self._lost):
            raise TooOld


class Store:
    """Keeps collections; every write makes the next revision.

    Observers see every change at once, in order; they must not write.
    """

    def __init__(self, *, history_limit: int = DEFAULT_HISTORY_LIMIT) -> None:
        self.revision = 1
        # A collection exists by being asked for.
        self._collections: dict[str, Collection] = defaultdict(
            lambda: Collection(history_limit=history_limit)
        )
        self._observers: list[Observer] = []
        self._rehearses = False

    def observe(self, observer: Observer) -> None:
        """Call `observer` after each write from now on."""
        self._observers.append(observer)

    def collection(self, name: str) -> Collection:
        """Return a collection, empty or not."""
        return self._collections[name]

    def put(self, collection: str, key: ObjectKey, value: Object) -> Stored:
        """Write an object, new or changed."""
        is_new = self.collection(collection).get(key) is None
        change_type = ChangeType.ADDED if is_new else ChangeType.MODIFIED
        return self._commit(collection, change_type, key, value)

    def remove(self, collection: str, key: ObjectKey, value: Object) -> Stored:
        """Remove an object whose last state is `value`."""
        return self._commit(collection, ChangeType.DELETED, key, value)

    def drop(self, name: str) -> None:
        """Forget a collection that is empty or not served any more."""
        if collection := self._collections.pop(name, None):
            collection.end_subscriptions()

    @contextmanager
    def rehearsal(self, *, is_one: bool) -> Iterator[None]:
        """Keep nothing of what is written within the block: a dry run, if it is one.

        Nothing may be awaited within.
        """
        self._rehearses = is_one
        try:
            yield
        finally:
            self._rehearses = False

    def compact(self) -> None:
        """Forget all history: older revisions are gone from now on."""
        for collection in self._collections.values():
            collection.compact(self.revision)

    def close(self) -> None:
        """End every subscription; the objects stay."""
        for collection in self._collections.values():
            collection.end_subscriptions()

    def _commit(
        self, name: str, change_type: ChangeType, key: ObjectKey, value: Object
    ) -> Stored:
        if self._rehearses:
            there = self.collection(name).get(key)
            return freeze(key, value, there.revision if there is not None else 0)
        collection = self.collection(name)
        self.revision += 1
        current = freeze(key, value, self.revision)
        change = Change(name, change_type, current, previous=collection.get(key))
        collection.apply(change)
        for observer in self._observers:
            observer(change)
        return current


def _of_namespace(objects: list[Stored], namespace: str) -> Sequence[Stored]:
    if not namespace:
        return objects
    start = bisect_left(objects, ObjectKey(namespace, ""), key=_key)
    end = bisect_left(objects, ObjectKey(f"{namespace}\0", ""), key=_key)
    return objects[start:end]
