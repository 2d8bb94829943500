"""What a process that may not write would have written, in words without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from vso_controller.foundation.objects import ObjectKey


class Write(Protocol):
    """A change that asks to leave this process, as gates and observers see it."""

    @property
    def verb(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def key(self) -> ObjectKey: ...


@dataclass(frozen=True, slots=True)
class Act:
    """A change that is made elsewhere than in Kubernetes, for a resource."""

    verb: str
    resource: str
    key: ObjectKey

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.key}"


@dataclass(frozen=True, slots=True)
class Differences:
    """The parts of an object that a write changes, by name: `data/password`.

    Of a Secret no value is told. A part that is public carries what it would be:
    `type=Opaque`, `conditions/Ready=False(VaultSealed)`.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intention:
    """One write that is not made. Two that are equal would write the same."""

    verb: str
    resource: str
    key: ObjectKey
    differences: Differences | None
    """None: the object could not be read to compare it."""
    fingerprint: bytes = field(default=b"", repr=False)
    """Tells secret values apart that `differences` do not show."""
