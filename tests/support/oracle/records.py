"""What was seen, each with the time: versions of objects, answers of probes.

All times are seconds on one clock, that of the event loop on which everything was
recorded. Of secret values there are fingerprints alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.oracle.fingerprints import Items

SECRET = "Secret"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names one object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """A version of a Secret as everybody could see it, from `at` on."""

    at: float
    ref: Ref
    uid: str
    version: int  # its resourceVersion: those of one server are in order
    items: Items = field(default_factory=dict)
    owners: frozenset[str] = frozenset()  # the uids of its ownerReferences
    gone: bool = False  # this is its end

    def __str__(self) -> str:
        keys = (
            "gone" if self.gone else f"keys {', '.join(sorted(self.items)) or 'none'}"
        )
        return f"{self.at:.3f} s: {self.ref} at version {self.version}, {keys}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a resource."""

    type: str
    status: str
    reason: str
    observed_generation: int


@dataclass(frozen=True, slots=True)
class ResourceSeen:
    """A version of a custom resource of ours, from `at` on."""

    at: float
    ref: Ref
    uid: str
    version: int
    generation: int
    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    gone: bool = False

    @property
    def conditions(self) -> dict[str, Condition]:
        """The conditions by type."""
        found = [_condition(each) for each in self.status.get("conditions", ())]
        return {each.type: each for each in found}

    def names_in_status(self, identifier: str) -> bool:
        """Whether the status has this text as one of its values, at any depth."""
        return _holds(self.status, identifier)

    def __str__(self) -> str:
        what = "gone" if self.gone else f"generation {self.generation}"
        return f"{self.at:.3f} s: {self.ref} at version {self.version}, {what}"


@dataclass(frozen=True, slots=True)
class ReadinessSeen:
    """What `/readyz` of one process said."""

    at: float
    process: str
    ready: bool  # False as well where it did not answer


def _condition(document: Mapping[str, Any]) -> Condition:
    return Condition(
        type=document.get("type", ""),
        status=document.get("status", ""),
        reason=document.get("reason", ""),
        observed_generation=document.get("observedGeneration", 0),
    )


def _holds(document: object, text: str) -> bool:
    match document:
        case str():
            return document == text
        case Mapping():
            return any(_holds(value, text) for value in document.values())
        case list() | tuple():
            return any(_holds(value, text) for value in document)
        case _:
            return False
