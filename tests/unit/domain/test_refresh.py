from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.refresh import refresh_period, until_next_slot

PERIODS = st.timedeltas(timedelta(seconds=1), timedelta(hours=24))
# Beyond this the float has no microseconds left.
TIMES = st.floats(0, 4e9, allow_nan=False)


@given(question=st.text(), period=PERIODS, now=TIMES)
def test_next_slot_lies_ahead_and_within_a_period(
    question: str, period: timedelta, now: float
) -> None:
    wait = until_next_slot(question, period=period, now=now)

    assert 0 < wait <= period.total_seconds()


@given(question=st.text(), period=PERIODS, now=TIMES)
def test_slots_are_a_period_apart(question: str, period: timedelta, now: float) -> None:
    seconds = period.total_seconds()
    first = now + until_next_slot(question, period=period, now=now)
    second = first + 0.5 * seconds

    wait = until_next_slot(question, period=period, now=second)

    assert wait == pytest.approx(0.5 * seconds, abs=1e-3)


def test_different_questions_are_spread_over_the_period() -> None:
    waits = sorted(
        until_next_slot(str(i), period=timedelta(seconds=100), now=1e9)
        for i in range(1000)
    )

    per_tenth = [sum(10 * i < wait <= 10 * i + 10 for wait in waits) for i in range(10)]
    assert min(per_tenth) > 60


@pytest.mark.parametrize(
    ("asked", "floor", "expected"),
    [
        (None, 0, 60),
        (0, 0, 60),
        (30, 0, 30),
        (1, 10, 10),
        (None, 300, 300),
        (0.001, 0, 1),
    ],
)
def test_period_is_what_was_asked_for_within_the_floor(
    asked: float | None, floor: int, expected: int
) -> None:
    wanted = None if asked is None else timedelta(seconds=asked)

    period = refresh_period(wanted, floor=timedelta(seconds=floor))

    assert period == timedelta(seconds=expected)
