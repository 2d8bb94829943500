"""What one key's own writes mean for its store and its handlers.

The reply to a write is in the store before the watch tells of it, and the watch
then tells of it all the same. Without a record of what we wrote, that echo would
look like somebody else's change and wake the reconciler that made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vso_controller.runtime.ports import Keyed
from vso_controller.runtime.versions import is_older

T = TypeVar("T", bound=Keyed)

_UNORDERED = "unordered"  # a version of which nothing is known to be older or newer


def same_version(one: Keyed | None, other: Keyed | None) -> bool:
    """Return whether both are the same state of the same object, or both none."""
    if one is None or other is None:
        return one is other
    return one.resource_version == other.resource_version and one.uid == other.uid


@dataclass(slots=True)
class OwnWrites(Generic[T]):
    """The record of one key, from the opening of a write until its echo came."""

    told: T | None
    """What the handlers know: they are not told of our own writes."""

    open: int = 0
    """How many writes have no outcome yet."""

    landed: T | None = None
    """The reply that came last."""

    written: set[str] = field(default_factory=set)
    """The versions our writes made."""

    strangers: set[str] = field(default_factory=set)
    """Versions the server told of that were not written by us, as far as we know.

    While a write is open, its own echo may be among them."""

    seen: str = ""
    """How far the server has told of this key, "" before it did. A version of ours
    that is not newer will have no echo any more."""

    @property
    def finished(self) -> bool:
        """Whether no write is open and no echo is due."""
        awaited = any(
            not self.seen or is_older(self.seen, version) for version in self.written
        )
        return not self.open and not awaited

    def hear(self, item: T | None, as_of: str) -> None:
        """Note that the server told of `item` (None: of its absence) at `as_of`.

        `as_of` is "" for a state that stands outside the order of versions.
        """
        version = as_of if item is None else item.resource_version
        if version not in self.written and not self._is_old_news(item, as_of):
            self.strangers.add(version)
        if not is_older(as_of, self.seen):
            self.seen = as_of or _UNORDERED

    def land(self, item: T, held: T | None) -> bool:
        """Note the reply `item`; say whether the store, with `held`, shall take it."""
        self.landed = item
        if same_version(item, held) and not self.seen:
            return False  # the write changed nothing: no echo will come
        version = item.resource_version
        self.written.add(version)
        self.strangers.discard(version)
        if self.seen and not is_older(self.seen, version):
            if held is None:
                self.strangers.add(self.seen)  # deleted since: no echo of ours
            return False
        return held is None or not is_older(version, held.resource_version)

    def settle(self, held: T | None) -> tuple[T | None, T | None] | None:
        """Return the change (old, new) the handlers must be told of now, if any."""
        if self.open or not self.strangers:
            return None
        old = self.told
        if old is None and not _same_object(self.landed, held):
            old = self.landed  # we made it, and it is gone: its maker must be told
        change = (old, held)
        self.told = held
        self.landed = None
        self.strangers.clear()
        return change

    def _is_old_news(self, item: T | None, as_of: str) -> bool:
        before_ours = all(is_older(as_of, version) for version in self.written)
        return before_ours and same_version(item, self.told)


def _same_object(one: Keyed | None, other: Keyed | None) -> bool:
    return one is not None and other is not None and one.uid == other.uid
