"""What the test did, and what it expects: the causes of all that may happen.

What happens to objects of the cluster needs no entry, whoever does it: the witness
sees it. The journal has what happens in Vault, and what only the test knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tests.support.oracle.fingerprints import Fingerprints, Items
from tests.support.oracle.records import Ref


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """An entry of a key-value engine."""

    mount: str
    path: str

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"


@dataclass(frozen=True, slots=True)
class ValueWritten:
    """Vault holds a new version of an entry.

    `version` counts from 1 for each source, as version 2 of the engine does; in
    version 1 it is our own count.
    """

    at: float
    source: Source
    version: int
    items: Items  # what a Secret made from it holds

    def __str__(self) -> str:
        return f"{self.at:.3f} s: version {self.version} of {self.source} written"


@dataclass(frozen=True, slots=True)
class ConditionExpected:
    """The test saw a condition it wants: where it is bad, that is as it should be."""

    at: float
    ref: Ref
    type: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Due:
    """By now everything in a namespace has to be in order."""

    at: float
    namespace: str


@dataclass(frozen=True, slots=True)
class CredentialWanted:
    """A reason to issue another credential that nobody but the test knows of."""

    at: float
    path: str  # as it is asked for: `database/creds/app`
    why: str


@dataclass(frozen=True, slots=True)
class LeaseEnded:
    """The test ended a lease behind the controller's back."""

    at: float
    lease: str


Cause = ValueWritten | ConditionExpected | Due | CredentialWanted | LeaseEnded
C = TypeVar("C", bound=Cause)


class Journal:
    """The causes of one run, in order. `clock` is that of the recorders."""

    def __init__(
        self, *, clock: Callable[[], float], fingerprints: Fingerprints
    ) -> None:
        self._clock = clock
        self._fingerprints = fingerprints
        self._causes: list[Cause] = []

    @property
    def causes(self) -> tuple[Cause, ...]:
        """All that was written down so far."""
        return tuple(self._causes)

    def value_written(self, source: Source, entry: Mapping[str, object]) -> None:
        """Note that `entry` is what `source` holds now."""
        earlier = [each for each in self._written() if each.source == source]
        items = self._fingerprints.of_entry(entry)
        self._causes.append(
            ValueWritten(self._clock(), source, len(earlier) + 1, items)
        )

    def condition_expected(
        self, ref: Ref, *, condition: str, status: str, reason: str
    ) -> None:
        """Note that a condition is as the test wants it."""
        self._causes.append(
            ConditionExpected(self._clock(), ref, condition, status, reason)
        )

    def due(self, namespace: str) -> None:
        """Note that all of `namespace` has to be in order now."""
        self._causes.append(Due(self._clock(), namespace))

    def credential_wanted(self, path: str, why: str) -> None:
        """Note a reason to issue at `path` once more."""
        self._causes.append(CredentialWanted(self._clock(), path, why))

    def lease_ended(self, lease: str) -> None:
        """Note that a lease was ended by the test."""
        self._causes.append(LeaseEnded(self._clock(), lease))

    def _written(self) -> list[ValueWritten]:
        return [each for each in self._causes if isinstance(each, ValueWritten)]
