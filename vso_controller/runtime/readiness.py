"""Whether the engine does its work: the judgement, apart from the gathering.

A fault of a server that we only ask never counts: work that waits for it goes on
waiting, is given up in its time, and says so in its conditions. What counts is that
we cannot see the cluster, or that work does not come to its turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vso_controller.runtime.scheduler import LONGEST_TIMER


@dataclass(frozen=True, slots=True)
class WatchSeen:
    """One reflector, as it is now."""

    name: str
    has_synced: bool
    silent_for: float
    """Seconds since the server was last heard; since the start if it never was."""


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """One work queue, as it is now."""

    name: str
    stalled_for: float
    """Seconds for which a key could be taken and none was; 0 if none could."""
    longest_running: float
    """Seconds for which a key has been worked on, at most; 0 without one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may lawfully happen, in seconds."""

    silence: float
    """A watch that hears nothing for longer is not merely idle."""
    reconcile: float
    """No reconcile takes longer, however slow the servers are that it asks. While all
    workers wait for such servers, no key is taken for so long either."""
    overdue: float = 3 * LONGEST_TIMER
    """After a suspend it takes the scheduler one of its timers to find out."""


def problems(
    *,
    watches: Iterable[WatchSeen],
    queues: Iterable[QueueSeen],
    overdue: float,
    running_for: float,
    limits: Limits,
) -> Iterator[str]:
    """Yield a sentence for each thing that is not as it should be.

    `overdue` is by how many seconds the earliest due time was missed, `running_for`
    how long this process has been running.
    """
    for watch in watches:
        if not watch.has_synced:
            yield f"{watch.name} have not been listed in {running_for:.0f} s"
        elif watch.silent_for > limits.silence:
            yield (
                f"the watch of {watch.name} has heard nothing from the API server "
                f"for {watch.silent_for:.0f} s"
            )
    for queue in queues:
        yield from _problems_of(queue, limits)
    if overdue > limits.overdue:
        yield f"what is due by the clock has not been handed out for {overdue:.0f} s"


def _problems_of(queue: QueueSeen, limits: Limits) -> Iterator[str]:
    if queue.stalled_for > limits.reconcile:
        yield (
            f"the queue of {queue.name} is wedged: no key was taken "
            f"for {queue.stalled_for:.0f} s"
        )
    if queue.longest_running > limits.reconcile:
        yield (
            f"a worker of {queue.name} is stuck: it has had one key "
            f"for {queue.longest_running:.0f} s"
        )
