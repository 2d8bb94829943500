"""What the oracle found: for each invariant a number, which must be 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_SHOWN = 5  # violations of one invariant that a report prints


class Invariant(StrEnum):
    """The promises, by the numbers under which the fault matrix cites them."""

    CONVERGENCE = "N1"  # what was due is done
    NO_REGRESSION = "N2"  # no Secret goes back to an older version
    NO_ORPHANS = "N3"  # every lease is on record until it ends
    NO_EXPIRY_IN_USE = "N4"  # no credential ends while a Secret holds it
    NO_SURPLUS = "N5"  # no more credentials than causes
    WHOLE_SECRETS = "N6"  # no Secret is part of one version, or of two
    NOTHING_FOREIGN = "N7"  # nobody else's objects, nobody else's changes
    ONE_RESTART = "N8"  # as many restarts as changes
    FENCE = "N9"  # no write by who does not hold the lease
    REVOCATIONS = "N10"  # what has to be revoked is
    NO_LEAK = "N11"  # no canary anywhere
    NO_SILENT_STALL = "N12"  # who is behind says so
    BOUNDED_RETRIES = "N13"  # failures are not repeated without rest
    NO_IDLE_WRITES = "N14"  # nothing is written when nothing changed


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of an invariant, and what shows it: exchanges and sightings."""

    invariant: Invariant
    what: str
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.invariant} {self.what}", *(f"    {one}" for one in self.evidence)]
        )


class Broken(AssertionError):
    """An invariant did not hold."""


class Report:
    """The violations of one run."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)

    @property
    def numbers(self) -> dict[Invariant, int]:
        """How often each invariant was broken."""
        count = Counter(each.invariant for each in self.violations)
        return {invariant: count[invariant] for invariant in Invariant}

    def of(self, invariant: Invariant) -> tuple[Violation, ...]:
        """Return the violations of one invariant."""
        return tuple(one for one in self.violations if one.invariant is invariant)

    def check(self) -> None:
        """Raise Broken with the numbers and the evidence unless all are 0."""
        if self.violations:
            raise Broken(str(self))

    def __str__(self) -> str:
        lines = [" ".join(f"{name}={count}" for name, count in self.numbers.items())]
        for invariant in Invariant:
            found = self.of(invariant)
            lines += map(str, found[:_SHOWN])
            if len(found) > _SHOWN:
                lines.append(f"{invariant} and {len(found) - _SHOWN} more")
        return "\n".join(lines)
