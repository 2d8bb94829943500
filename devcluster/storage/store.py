"""All objects of the cluster under one revision counter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from devcluster.objects.json import Object
from devcluster.storage.collection import Collection
from devcluster.storage.objects import Change, ChangeType, ObjectKey, Stored, freeze

Observer = Callable[[Change], None]

DEFAULT_HISTORY_LIMIT = 20_000  # changes of one kind


class Store:
    """Keeps collections; every write makes the next revision.

    Observers see every change at once, in order; they must not write.
    """

    def __init__(self, *, history_limit: int = DEFAULT_HISTORY_LIMIT) -> None:
        self.revision = 1
        self._history_limit = history_limit
        self._collections: dict[str, Collection] = {}
        self._observers: list[Observer] = []

    def observe(self, observer: Observer) -> None:
        """Call `observer` after each write from now on."""
        self._observers.append(observer)

    def collection(self, name: str) -> Collection:
        """Return a collection; it exists by being asked for."""
        if name not in self._collections:
            self._collections[name] = Collection(
                history_limit=self._history_limit, born=0
            )
        return self._collections[name]

    def __iter__(self) -> Iterator[tuple[str, Collection]]:
        return iter(self._collections.items())

    def put(self, collection: str, key: ObjectKey, value: Object) -> Stored:
        """Write an object, new or changed."""
        previous = self.collection(collection).get(key)
        change_type = ChangeType.ADDED if previous is None else ChangeType.MODIFIED
        return self._commit(collection, change_type, key, value)

    def remove(self, collection: str, key: ObjectKey, value: Object) -> Stored:
        """Remove an object whose last state is `value`."""
        return self._commit(collection, ChangeType.DELETED, key, value)

    def drop(self, name: str) -> None:
        """Forget a collection that is empty or not served any more."""
        dropped = self._collections.pop(name, None)
        if dropped is not None:
            dropped.end_subscriptions()

    def compact(self) -> None:
        """Forget all history: older revisions are gone from now on."""
        for collection in self._collections.values():
            collection.forget_history(self.revision)

    def close(self) -> None:
        """End every subscription; the objects stay."""
        for collection in self._collections.values():
            collection.end_subscriptions()

    def _commit(
        self, name: str, change_type: ChangeType, key: ObjectKey, value: Object
    ) -> Stored:
        collection = self.collection(name)
        previous = collection.get(key)
        self.revision += 1
        current = freeze(key, value, self.revision)
        change = Change(name, change_type, current, previous)
        collection.apply(change)
        for observer in self._observers:
            observer(change)
        return current
