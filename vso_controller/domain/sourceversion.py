"""What it means that Vault shows an older version of an entry than it did before.

A Vault that was restored from a snapshot does so, as does one that took over without
the last writes, and an entry whose metadata was deleted and that was made anew. What
Vault says now is the truth, so it is written; it is told, because applications get
back what they had replaced.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setback:
    """The version that was read before, and the lower one that came now."""

    before: int
    now: int

    def __str__(self) -> str:
        return (
            f"Vault's version of the entry went back from {self.before} to {self.now}: "
            "Vault was restored, or the entry was deleted and made anew"
        )


def setback(before: int, now: int) -> Setback | None:
    """Return the step back from `before` to `now`, if it is one; 0 is no version."""
    return Setback(before, now) if 0 < now < before else None
