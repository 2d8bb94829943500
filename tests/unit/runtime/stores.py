"""A store with one object in it, and what its handlers hear."""

from __future__ import annotations

from tests.fakes.listwatch import key_of, make_item
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.store import Store

KEY = key_of("a")
BEFORE = make_item("a", 10)

Change = tuple[Envelope | None, Envelope | None]


class Heard(list[Change]):
    """A handler that remembers."""

    def __call__(self, old: Envelope | None, new: Envelope | None) -> None:
        self.append((old, new))


def store_of(item: Envelope) -> Store[Envelope]:
    """Return a store that was filled by a list with one object."""
    store: Store[Envelope] = Store()
    store.replace([item], item.resource_version)
    return store


def forgets(store: Store[Envelope]) -> bool:
    """Return whether no record of a write is left in the store."""
    return not store._own
