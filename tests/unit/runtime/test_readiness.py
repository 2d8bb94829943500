from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vso_controller.runtime.readiness import Limits, QueueSeen, WatchSeen, problems

LIMITS = Limits(silence=130, reconcile=780, overdue=30)
WATCH = WatchSeen(name="vaultauths", has_synced=True, silent_for=89)
QUEUE = QueueSeen(name="vaultauth", stalled_for=0, longest_running=60)


def told(
    *,
    watch: WatchSeen = WATCH,
    queue: QueueSeen = QUEUE,
    overdue: float = 0.0,
) -> list[str]:
    found = problems(
        watches=[WATCH, watch],
        queues=[QUEUE, queue],
        overdue=overdue,
        running_for=12.3,
        limits=LIMITS,
    )
    return list(found)


def test_process_that_works_has_no_problem() -> None:
    assert told() == []


def test_kind_that_was_not_listed_is_named() -> None:
    # A list in many pages is heard of all the time, and is not there yet all the same.
    assert told(watch=WatchSeen("secrets", has_synced=False, silent_for=0)) == [
        "secrets have not been listed in 12 s"
    ]


def test_watch_that_is_silent_for_too_long_is_named() -> None:
    assert told(watch=replace(WATCH, silent_for=130)) == []
    assert told(watch=replace(WATCH, silent_for=131)) == [
        "the watch of vaultauths has heard nothing from the API server for 131 s"
    ]


def test_queue_from_which_nobody_takes_is_named() -> None:
    assert told(queue=replace(QUEUE, stalled_for=780)) == []
    assert told(queue=replace(QUEUE, stalled_for=781)) == [
        "the queue of vaultauth is wedged: no key was taken for 781 s"
    ]


def test_worker_that_does_not_come_back_is_named() -> None:
    assert told(queue=replace(QUEUE, longest_running=780)) == []
    assert told(queue=replace(QUEUE, longest_running=781)) == [
        "a worker of vaultauth is stuck: it has had one key for 781 s"
    ]


def test_scheduler_that_hands_out_nothing_is_told() -> None:
    assert told(overdue=30) == [], "it may be late after a suspend"
    assert told(overdue=31) == [
        "what is due by the clock has not been handed out for 31 s"
    ]


def test_standby_is_ready() -> None:
    found = problems(
        watches=[WATCH], queues=[], overdue=0, running_for=1e6, limits=LIMITS
    )

    assert list(found) == []


@given(
    silent=st.floats(0, 130),
    stalled=st.floats(0, 780),
    running=st.floats(0, 780),
    overdue=st.floats(0, 30),
)
def test_nothing_lawful_is_a_problem(
    silent: float, stalled: float, running: float, overdue: float
) -> None:
    watch = replace(WATCH, silent_for=silent)
    queue = replace(QUEUE, stalled_for=stalled, longest_running=running)

    assert told(watch=watch, queue=queue, overdue=overdue) == []


def test_all_problems_are_told() -> None:
    found = told(
        watch=replace(WATCH, silent_for=1000),
        queue=QueueSeen("vaultauth", stalled_for=900, longest_running=900),
        overdue=60,
    )

    assert len(found) == 4
