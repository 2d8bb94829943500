"""What a write may be asked for besides the object."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Propagation(StrEnum):
    """What becomes of the dependents of an object that is deleted."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The object that is meant; "" where any will do."""

    uid: str = ""
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete. `propagation` None: as the object's finalizers say."""

    preconditions: Preconditions = field(default_factory=Preconditions)
    propagation: Propagation | None = None
    dry_run: bool = False
