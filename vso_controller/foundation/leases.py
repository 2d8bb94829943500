"""A coordination Lease as leader election sees it."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.foundation.errors import Transient


class LeaseChanged(Transient):
    """The lease is not any more what was read: somebody else was faster."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """The facts of a `coordination.k8s.io/v1` Lease.

    Times are wall time as its holder wrote them, seconds since the epoch; they
    are for people, and another machine's clock is never compared with ours.
    `resource_version` is "" for one that was not created yet.
    """

    holder: str  # "" when nobody holds it
    duration: float  # seconds
    acquired: float
    renewed: float
    transitions: int
    resource_version: str = ""
