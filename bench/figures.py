"""The figures that are required, and whether they were met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.course import Course
from bench.stages import Stage, Told
from bench.whole import Requests, Restart

REFERENCE_LOOP = 0.0028
"""CPU seconds of the calibration loop on the machine of the figures, when calm.

Limits of CPU hold there. Where the loop takes longer, all the rest may, too.
"""
FILL_CPU = (10e-3, 49e-6)
"""CPU seconds to fill the stores, whatever their size, and for each resource.

With 10,000 resources that is half a second.
"""
CHANGE_CPU = 60e-6
"""CPU seconds from a line of a watch to a key that is handed out."""
FILL_MEMORY = (3 * 2**20, 2306)
"""Bytes, likewise: of connections, and for a resource with all that is filed under it.

With 10,000 resources that is 25 MiB.
"""
SECRETS_BYTES = 1024
"""Bytes of answers about Secrets when none is ours: an empty list is no more."""
IDLE_CPU = 0.005
"""Share of a core, when nothing happens."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `limit` None: it is told, not judged."""

    name: str
    unit: str
    value: float
    limit: float | None = None
    peer: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the limit, if there is one, is kept."""
        return self.limit is None or self.value <= self.limit

    @property
    def ratio(self) -> float | None:
        """How many times more the peer takes."""
        return None if self.peer is None or not self.value else self.peer / self.value


def allowed(limit: tuple[float, float], number: int) -> float:
    """Return what `number` resources may take of a limit that has a fixed part."""
    fixed, each = limit
    return fixed + each * number


def calm_cpu(told: Told) -> float:
    """Return the CPU seconds for one thing, at the speed of the reference."""
    return told.cpu / told.number * REFERENCE_LOOP / told.loop


def of_courses(ours: Sequence[Course], peers: Sequence[Course]) -> list[Figure]:
    """Return the medians of courses through the stages."""

    def middle(stage: Stage, of: Callable[[Told], float], scale: float) -> _Middle:
        values = [scale * of(course[stage]) for course in ours]
        others = [scale * of(course[stage]) for course in peers]
        return _Middle(median(values), median(others) if others else None)

    filled = middle(Stage.FILLED, lambda told: calm_cpu(told) * told.number, 1)
    memory = middle(Stage.FILLED, lambda told: told.memory, 2**-20)
    burst = middle(Stage.BURST, calm_cpu, 1e6)
    trickle = middle(Stage.TRICKLE, calm_cpu, 1e6)
    number = ours[0][Stage.FILLED].number
    most = allowed(FILL_MEMORY, number) / 2**20
    return [
        filled.figure("stores filled: CPU", "s", allowed(FILL_CPU, number)),
        memory.figure("stores filled: memory", "MiB", most),
        burst.figure("change that piled up, to its key", "µs", CHANGE_CPU * 1e6),
        trickle.figure("change that came alone, to its key", "µs", None),
    ]


def of_requests(requests: Requests, strangers: int) -> list[Figure]:
    """Return what a filling asked of others."""
    name = f"answers about Secrets, {strangers:,} foreign ones"
    told = requests.answers_about_secrets
    return [
        Figure("stores filled: requests to Vault", "", requests.to_vault, 0),
        Figure(name, "bytes", told, SECRETS_BYTES),
    ]


def of_whole(told: Restart, idle: float) -> list[Figure]:
    """Return what the whole program does over resources that are in step."""
    return [
        Figure("after a restart: reads of Vault", "", told.vault_reads, 0),
        Figure("after a restart: writes", "", told.writes, 0),
        Figure("idle: CPU", "%", 100 * idle, 100 * IDLE_CPU),
    ]


@dataclass(frozen=True, slots=True)
class _Middle:
    ours: float
    peers: float | None

    def figure(self, name: str, unit: str, limit: float | None) -> Figure:
        return Figure(name, unit, self.ours, limit, self.peers)
