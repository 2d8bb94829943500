"""Versions of objects over time: each one is what there is until the next comes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tests.support.oracle.records import Ref


class Seen(Protocol):
    """A version of an object."""

    @property
    def at(self) -> float: ...
    @property
    def ref(self) -> Ref: ...
    @property
    def version(self) -> int: ...
    @property
    def uid(self) -> str: ...
    @property
    def gone(self) -> bool: ...


S = TypeVar("S", bound=Seen)


@dataclass(frozen=True, slots=True)
class Span(Generic[S]):
    """A version and for how long it was there, in seconds."""

    seen: S
    start: float
    end: float  # infinity: it still is


class History(Generic[S]):
    """The versions of many objects, each object's in the order of the server."""

    def __init__(self, seen: Iterable[S]) -> None:
        self._by_ref: dict[Ref, list[S]] = defaultdict(list)
        for each in seen:
            self._by_ref[each.ref].append(each)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All objects that were ever seen."""
        return tuple(self._by_ref)

    def of(self, ref: Ref) -> tuple[S, ...]:
        """Return every version of an object, its end among them."""
        return tuple(self._by_ref.get(ref, ()))

    def at(self, ref: Ref, when: float) -> S | None:
        """Return what the object was at a time, None if it was not there."""
        last = None
        for each in self.of(ref):
            if each.at > when:
                break
            last = each
        return None if last is None or last.gone else last

    def alive(self, when: float) -> Iterator[S]:
        """Yield every object that was there at a time."""
        for ref in self._by_ref:
            found = self.at(ref, when)
            if found is not None:
                yield found

    def end_of(self, uid: str) -> float:
        """Return when an object was gone, infinity if it was not seen to be."""
        ends = (
            each.at
            for seen in self._by_ref.values()
            for each in seen
            if each.gone and each.uid == uid
        )
        return next(ends, math.inf)

    def before(self, ref: Ref, version: int) -> S | None:
        """Return what the object was when `version` replaced it, None if nothing."""
        earlier = [each for each in self.of(ref) if each.version < version]
        return None if not earlier or earlier[-1].gone else earlier[-1]

    def spans(self, ref: Ref) -> Iterator[Span[S]]:
        """Yield every version with the time for which it was there."""
        versions = self.of(ref)
        ends = [*(each.at for each in versions[1:]), math.inf]
        for each, end in zip(versions, ends, strict=True):
            if not each.gone:
                yield Span(each, each.at, end)
