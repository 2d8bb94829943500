"""One secondary index of a store: which objects have this value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from vso_controller.foundation.objects import ObjectKey

T = TypeVar("T")

IndexFunction = Callable[[T], Iterable[Hashable]]
"""Names the values an object is found by. Must not raise, whatever users write."""


class Index(Generic[T]):
    """Kept up to date one object at a time, at the cost of that object's values."""

    def __init__(self, function: IndexFunction[T]) -> None:
        self._function = function
        # Each the inverse of the other. What a key was filed under is remembered,
        # so the function runs once for each version of an object.
        self._values: dict[ObjectKey, tuple[Hashable, ...]] = {}
        self._keys: dict[Hashable, dict[ObjectKey, None]] = {}

    def update(self, key: ObjectKey, item: T | None) -> None:
        """File `key` under the values of `item` and no others; None: under none."""
        for value in self._values.pop(key, ()):
            keys = self._keys[value]
            del keys[key]
            if not keys:
                del self._keys[value]
        if item is None:
            return
        values = tuple(dict.fromkeys(self._function(item)))
        if values:
            self._values[key] = values
        for value in values:
            self._keys.setdefault(value, {})[key] = None

    def keys(self, value: Hashable) -> tuple[ObjectKey, ...]:
        """Return the keys filed under `value`, in the order they came."""
        return tuple(self._keys.get(value, ()))
