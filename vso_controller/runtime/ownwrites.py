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

    deleted: set[str] = field(default_factory=set)
    """The uids we deleted. Whatever is told of them comes late."""

    vanishing: dict[str, str] = field(default_factory=dict)
    """Those of them whose deletion has yet to be told, and the versions at which they
    were deleted. Which versions the deletions made, nobody says."""

    strangers: set[str] = field(default_factory=set)
    """Versions the server told of that were not written by us, as far as we know.
    While a write is open, its own echo may be among them."""

    seen: str = ""
    """How far the server has told of this key, "" before it did. A version of ours
    that is not newer will have no echo any more."""

    present: str = ""
    """The uid the server told of last, "" when it told that there is nothing."""

    vanished: str = ""
    """The uid whose absence it told of last."""

    absences: dict[str, set[str]] = field(default_factory=dict)
    """The versions at which it told of the absence of a uid."""

    @property
    def finished(self) -> bool:
        """Whether no write is open and no echo is due."""
        awaited = any(
            not self.seen or is_older(self.seen, version) for version in self.written
        )
        return not (self.open or awaited or self.vanishing)

    def is_past(self, item: T | None, as_of: str) -> bool:
        """Tell whether `item` is an object we deleted, so that it is of no interest.

        With an `as_of` of "" it is there again: the server's history began anew.
        """
        return item is not None and bool(as_of) and item.uid in self.deleted

    def hear(self, item: T | None, as_of: str, *, gone: str = "") -> None:
        """Note that the server told of `item` (None: of absence) at `as_of`.

        `gone` is the uid that is absent, if that is known. `as_of` is "" for a state
        that stands outside the order of versions.
        """
        if not as_of:
            self.deleted.clear()
        if self._ends_deletion(as_of) and item is None:
            self.written.add(as_of)
        version = as_of if item is None else item.resource_version
        if version not in self.written and not self._is_old_news(item, as_of):
            self.strangers.add(version)
        if item is None:
            self.vanished = gone or self.vanished
            self.absences.setdefault(self.vanished, set()).add(version)
        if not is_older(as_of, self.seen):
            self.seen = as_of or _UNORDERED
            self.present = "" if item is None else item.uid

    def land(self, item: T, held: T | None) -> bool:
        """Note the reply `item`; say whether the store, with `held`, shall take it."""
        if same_version(item, held) and not self.seen:
            self.landed = item
            return False  # the write changed nothing: no echo will come
        version = item.resource_version
        self.written.add(version)
        self.strangers.discard(version)
        if item.uid in self.deleted:
            return False  # the reply to its deletion was faster
        self.landed = item
        if self.seen and not is_older(self.seen, version):
            if held is None:
                self.strangers.add(self.seen)  # deleted since: no echo of ours
            return False
        return held is None or not is_older(version, held.resource_version)

    def delete(self, item: T) -> None:
        """Note that `item`, as we saw it last, is gone by our doing."""
        if _same_object(self.told, item):
            self.told = None
        if _same_object(self.landed, item):
            self.landed = None
        self.deleted.add(item.uid)
        version = item.resource_version
        told_of = self.seen and self.present != item.uid
        if not told_of or is_older(self.seen, version):
            self.vanishing[item.uid] = version
        else:
            echoes = self.absences.get(item.uid, set())  # faster than the reply
            self.written |= echoes
            self.strangers -= echoes

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

    def _ends_deletion(self, as_of: str) -> bool:
        """Tell whether the server knew at `as_of` of a deletion that had to be told.

        It told of the key and not of who was deleted, whom it knew before.
        """
        before = len(self.vanishing)
        self.vanishing = {
            uid: version
            for uid, version in self.vanishing.items()
            if is_older(as_of, version)
        }
        return len(self.vanishing) < before

    def _is_old_news(self, item: T | None, as_of: str) -> bool:
        before_ours = all(is_older(as_of, version) for version in self.written)
        if before_ours and same_version(item, self.told):
            return True
        # That there is nothing yet is no news, unless we made something meanwhile.
        still_absent = item is None and bool(self.seen) and not self.present
        return still_absent and all(
            is_older(as_of, version)
            for version in self.written
            if is_older(self.seen, version)
        )


def _same_object(one: Keyed | None, other: Keyed | None) -> bool:
    return one is not None and other is not None and one.uid == other.uid
