"""The objects of one kind, their recent history, and who listens.

Nothing here awaits, so every method is atomic on the event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence

from devcluster.storage.objects import Change, ObjectKey, Stored
from devcluster.storage.subscription import Subscription


class TooOld(Exception):
    """The revision asked for is older than the history that is kept."""


class Collection:
    """All objects of one kind, in every namespace."""

    def __init__(self, *, history_limit: int, born: int) -> None:
        self._objects: dict[ObjectKey, Stored] = {}
        self._ordered: list[Stored] | None = []  # None: to be sorted again
        self._history: deque[Change] = deque()
        self._history_limit = history_limit
        self._floor = born  # changes after this revision are all in the history
        self._subscriptions: set[Subscription] = set()

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: ObjectKey) -> Stored | None:
        """Return the object as it is now."""
        return self._objects.get(key)

    def objects(self, namespace: str = "") -> Sequence[Stored]:
        """Return the objects as they are now, in the order of their keys."""
        if self._ordered is None:
            self._ordered = _sorted(self._objects.values())
        return _of_namespace(self._ordered, namespace)

    def objects_at(self, revision: int, namespace: str = "") -> Sequence[Stored]:
        """Return the objects as they were at `revision`. Raises `TooOld`."""
        self._require(revision)
        if not self._history or self._history[-1].revision <= revision:
            return self.objects(namespace)
        past = dict(self._objects)
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            if change.previous is None:
                del past[change.current.key]
            else:
                past[change.current.key] = change.previous
        return _of_namespace(_sorted(past.values()), namespace)

    def apply(self, change: Change) -> None:
        """Take a change in and tell who listens."""
        key = change.current.key
        if change.type == "DELETED":
            del self._objects[key]
        else:
            self._objects[key] = change.current
        self._ordered = None
        self._history.append(change)
        if len(self._history) > self._history_limit:
            self._floor = self._history.popleft().revision
        for subscription in self._subscriptions:
            subscription.offer(change)

    def subscribe(self, namespace: str, since: int) -> Subscription:
        """Start to listen after the revision `since`. Raises `TooOld`."""
        self._require(since)
        subscription = Subscription(
            namespace=namespace, since=since, limit=self._history_limit
        )
        for change in self._history:
            subscription.offer(change)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop to listen."""
        self._subscriptions.discard(subscription)

    def forget_history(self, before: int) -> None:
        """Forget how the objects came to be, as a compaction does."""
        self._history.clear()
        self._floor = before

    def end_subscriptions(self) -> None:
        """Send every listener home."""
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()

    def _require(self, revision: int) -> None:
        if revision < self._floor:
            raise TooOld


def _sorted(objects: Iterable[Stored]) -> list[Stored]:
    return sorted(objects, key=_key)


def _of_namespace(objects: list[Stored], namespace: str) -> Sequence[Stored]:
    if not namespace:
        return objects
    start = bisect_left(objects, ObjectKey(namespace, ""), key=_key)
    end = bisect_left(objects, ObjectKey(f"{namespace}\0", ""), key=_key)
    return objects[start:end]


def _key(stored: Stored) -> ObjectKey:
    return stored.key
