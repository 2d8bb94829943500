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
        # What a key was filed under is remembered, so the function runs once for
        # each version of an object.
        self._values: dict[ObjectKey, tuple[Hashable, ...]] = {}
        # The inverse. A value is in one of the two: most have one key, for which
        # a dict of its own would cost three times as much as all the rest.
        self._one: dict[Hashable, ObjectKey] = {}
        self._many: dict[Hashable, dict[ObjectKey, None]] = {}

    def update(self, key: ObjectKey, item: T | None) -> None:
        """File `key` under the values of `item` and no others; None: under none."""
        values = () if item is None else tuple(dict.fromkeys(self._function(item)))
        before = self._values.get(key, ())
        if values == before:
            return  # most changes of an object leave it where it is
        self._values.pop(key, None)
        for value in before:
            self._remove(key, value)
        if values:
            self._values[key] = values
        for value in values:
            self._add(key, value)

    def keys(self, value: Hashable) -> tuple[ObjectKey, ...]:
        """Return the keys filed under `value`, in the order they came."""
        one = self._one.get(value)
        return tuple(self._many.get(value, ())) if one is None else (one,)

    def _add(self, key: ObjectKey, value: Hashable) -> None:
        many = self._many.get(value)
        if many is not None:
            many[key] = None
            return
        first = self._one.setdefault(value, key)
        if first != key:
            del self._one[value]
            self._many[value] = {first: None, key: None}

    def _remove(self, key: ObjectKey, value: Hashable) -> None:
        many = self._many.get(value)
        if many is None:
            del self._one[value]
            return
        del many[key]
        if not many:
            del self._many[value]
