"""What is told of all that happens: the limits of client-go's Event recorder.

* Each object has a budget of 25 Events, and one more every five minutes. What is
  beyond it is kept as a number, which the next Event of its kind carries.
* The tenth different message of one object for one reason within ten minutes, and
  those after it, become one Event: "(combined from similar events): " and the latest
  message. The ten minutes count from the last time.

What is remembered is bounded: the least recently told is forgotten first.
Source: `tools/record/events_cache.go` of client-go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from vso_controller.foundation.events import EventKind, EventSubject

BURST = 25  # Events an object may have at once
REFILL = 300.0  # seconds after which it may have one more
SIMILAR = 10  # different messages from which on they are combined
SIMILARITY_ENDS = 600.0  # seconds since the last of them
COMBINED = "(combined from similar events): "
LONGEST_MESSAGE = 1_024  # characters, the limit of events.k8s.io
_REMEMBERED = 4_096  # objects, reasons and Events, as client-go's caches

V = TypeVar("V")


class Recent(Generic[V]):
    """A mapping that forgets what was put into it longest ago."""

    def __init__(self, *, limit: int = _REMEMBERED) -> None:
        self._limit = limit
        self._items: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """Return what is remembered of `key`, None for nothing."""
        return self._items.get(key)

    def put(self, key: Hashable, value: V) -> None:
        """Remember `value` of `key`, and forget another if there are too many."""
        self._items[key] = value
        self._items.move_to_end(key)
        if len(self._items) > self._limit:
            self._items.popitem(last=False)

    def pop(self, key: Hashable) -> V | None:
        """Forget `key` and return what was remembered of it, None for nothing."""
        return self._items.pop(key, None)


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened, without when: two facts of one identity are one Event."""

    about: EventSubject
    kind: EventKind
    reason: str
    message: str
    is_combined: bool = False  # the message stands for others too

    @property
    def subject(self) -> Hashable:
        """The object, whatever version of it."""
        return (self.about.resource, self.about.key, self.about.uid)

    @property
    def family(self) -> Hashable:
        """What facts that differ in their message alone have in common."""
        return (self.subject, self.kind, self.reason)

    @property
    def identity(self) -> Hashable:
        return (self.family, None if self.is_combined else self.message)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A fact to be told, and how often it happened since it was told last."""

    fact: Fact
    times: int


@dataclass(slots=True)
class _Budget:
    """A token bucket. Times are seconds on the monotonic clock."""

    filled_at: float
    left: float = BURST

    def spend(self, now: float) -> bool:
        self.left = min(BURST, self.left + (now - self.filled_at) / REFILL)
        self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class _Family:
    """The different messages of one object and reason, by their hashes."""

    last: float
    messages: dict[int, None] = field(default_factory=dict)  # the oldest first


class Correlator:
    """Decides what is told. It neither waits nor fails."""

    def __init__(self) -> None:
        self._budgets: Recent[_Budget] = Recent()
        self._families: Recent[_Family] = Recent()
        self._untold: Recent[int] = Recent()  # how often, by identity

    def admit(self, fact: Fact, now: float) -> Occurrence | None:
        """Return what to tell of `fact`, which happened just now; None: nothing.

        `now` is in seconds on the monotonic clock.
        """
        fact = self._combined(fact, now)
        times = 1 + (self._untold.pop(fact.identity) or 0)
        budget = self._budgets.get(fact.subject) or _Budget(filled_at=now)
        self._budgets.put(fact.subject, budget)
        if budget.spend(now):
            return Occurrence(fact, times)
        self._untold.put(fact.identity, times)
        return None

    def _combined(self, fact: Fact, now: float) -> Fact:
        family = self._families.get(fact.family)
        if family is None or now - family.last > SIMILARITY_ENDS:
            family = _Family(last=now)
        self._families.put(fact.family, family)
        family.last = now
        family.messages[hash(fact.message)] = None
        if len(family.messages) < SIMILAR:
            return fact
        del family.messages[next(iter(family.messages))]
        message = f"{COMBINED}{fact.message}"[:LONGEST_MESSAGE]
        return replace(fact, message=message, is_combined=True)
