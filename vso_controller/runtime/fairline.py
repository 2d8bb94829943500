"""Keys in line by flows that take turns, so that a long flow delays no other.

A flow is what shares fairly, a namespace say. Within a flow it is first in, first
out. From the moment a flow has a key until it has its turn, and from one turn of
its to the next, each other flow has one turn at most. So a key with `a` keys of
its own flow before it sees no more than `a + (a + 1) * f` others go first, where
`f` is the number of other flows, whatever their length.

Every operation takes constant time, whatever the number of keys and flows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FairLine(Generic[K]):
    """Holds each key once. `flow` says to which flow a key belongs, always the same."""

    def __init__(self, *, flow: Callable[[K], Hashable]) -> None:
        self._flow = flow
        # Each flow that has keys, the one whose turn is next first. Ordered, because
        # a plain dict takes linear time to find its first key after removals.
        self._flows: OrderedDict[Hashable, OrderedDict[K, None]] = OrderedDict()
        self._size = 0  # keys of all flows

    def __len__(self) -> int:
        return self._size

    def __contains__(self, key: K) -> bool:
        keys = self._flows.get(self._flow(key))
        return keys is not None and key in keys

    def push(self, key: K) -> None:
        """Let `key` join its flow at the end. A key that is in line keeps its place."""
        flow = self._flow(key)
        keys = self._flows.get(flow)
        if keys is None:
            # Last in the round: who was there before has one turn before it.
            keys = self._flows[flow] = OrderedDict()
        if key not in keys:
            keys[key] = None
            self._size += 1

    def pop(self) -> K:
        """Take out the first key of the flow whose turn it is. Raises KeyError."""
        if not self._flows:
            raise KeyError("nothing is in line")
        flow, keys = next(iter(self._flows.items()))
        key, _ = keys.popitem(last=False)
        self._flows.move_to_end(flow)
        self._shrunk(flow, keys)
        return key

    def remove(self, key: K) -> None:
        """Take `key` out. It is no error if it was not in line."""
        flow = self._flow(key)
        keys = self._flows.get(flow)
        if keys is not None and key in keys:
            del keys[key]
            self._shrunk(flow, keys)

    def clear(self) -> None:
        """Take out every key."""
        self._flows.clear()
        self._size = 0

    def _shrunk(self, flow: Hashable, keys: OrderedDict[K, None]) -> None:
        self._size -= 1
        if not keys:
            del self._flows[flow]
