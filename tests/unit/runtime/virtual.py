"""Time and metrics as these tests want them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from vso_controller.runtime.controller import ReconcileResult

EPOCH = 1_800_000_000.0


def seeded(seed: int) -> Random:
    """Return randomness that is the same in each run."""
    return Random(seed)  # noqa: S311 - jitter, not cryptography


class VirtualClock:
    """A clock that follows the loop's virtual time.

    A suspend moves the boot clock and the wall clock, and the loop does not notice.
    """

    def __init__(self) -> None:
        self.suspended = 0.0  # seconds this machine slept in all
        self.wall_offset = 0.0  # seconds by which the wall clock is wrong

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def boot(self) -> float:
        return self.monotonic() + self.suspended

    def now(self) -> float:
        return EPOCH + self.boot() + self.wall_offset


@dataclass(slots=True)
class QueueRecord:
    """What a queue told its observer."""

    depths: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    adds: int = 0
    retries: int = 0

    def added(self, *, depth: int) -> None:
        self.adds += 1
        self.depths.append(depth)

    def taken(self, *, depth: int, waited: float) -> None:
        self.depths.append(depth)
        self.waits.append(waited)

    def released(self, *, worked: float) -> None:
        self.works.append(worked)

    def retried(self) -> None:
        self.retries += 1


@dataclass(slots=True)
class ReconcileRecord:
    """What a controller told its observer."""

    ended: list[tuple[str, ReconcileResult, float]] = field(default_factory=list)

    def reconciled(
        self, *, controller: str, result: ReconcileResult, seconds: float
    ) -> None:
        self.ended.append((controller, result, seconds))


def flow_of(key: str) -> str:
    """Return the flow of a key: what is before its slash, "" without one."""
    return key.rpartition("/")[0]


class Plenty:
    """A bucket that never lacks a token."""

    def take(self) -> float:
        return 0.0


class FixedLimiter:
    """Gives every failed key the same rest."""

    def __init__(self, rest: float) -> None:
        self.rest = rest
        self.failed: set[object] = set()

    def next_delay(self, key: object) -> float:
        self.failed.add(key)
        return self.rest

    def forget(self, key: object) -> None:
        self.failed.discard(key)
