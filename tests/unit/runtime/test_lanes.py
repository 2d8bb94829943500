"""Changed before due, and neither starves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.virtual import flow_of
from vso_controller.runtime.lanes import TURNS_PER_DUE, Lane, Lanes


@pytest.fixture
def lanes() -> Lanes[str]:
    return Lanes(flow=flow_of)


def pop_all(lanes: Lanes[str]) -> list[str]:
    return [lanes.pop() for _ in range(len(lanes))]


def test_changed_goes_before_due(lanes: Lanes[str]) -> None:
    lanes.put("due", Lane.DUE)
    lanes.put("changed", Lane.CHANGED)

    assert pop_all(lanes) == ["changed", "due"]


def test_one_turn_of_five_is_for_what_is_due(lanes: Lanes[str]) -> None:
    for number in range(12):
        lanes.put(f"changed {number}", Lane.CHANGED)
        lanes.put(f"due {number}", Lane.DUE)

    turns = pop_all(lanes)

    dues = [place for place, key in enumerate(turns) if key.startswith("due")]
    assert dues[:2] == [4, 9]
    assert dues[2:] == list(range(14, 24)), "nothing changed is left"


def test_lone_lane_has_every_turn(lanes: Lanes[str]) -> None:
    for number in range(10):
        lanes.put(str(number), Lane.CHANGED)
    pop_all(lanes)
    lanes.put("due", Lane.DUE)
    for number in range(10):
        lanes.put(str(number), Lane.CHANGED)

    assert pop_all(lanes).index("due") == 4, "turns without a rival do not count"


def test_key_moves_up_and_never_down(lanes: Lanes[str]) -> None:
    lanes.put("other", Lane.DUE)
    lanes.put("a", Lane.DUE)
    lanes.put("a", Lane.CHANGED)
    lanes.put("a", Lane.DUE)

    assert pop_all(lanes) == ["a", "other"]


@given(
    steps=st.lists(
        st.one_of(st.none(), st.tuples(st.sampled_from(Lane), st.integers(0, 3))),
        max_size=200,
    )
)
def test_due_lane_is_passed_over_a_bounded_number_of_times(
    steps: list[tuple[Lane, int] | None],
) -> None:
    lanes: Lanes[str] = Lanes(flow=flow_of)
    waiting = dict.fromkeys(Lane, 0)
    turns: list[Lane] = []  # while both lanes had keys

    for number, step in enumerate(steps):
        if step is not None:
            lane, flow = step
            lanes.put(f"{flow}/{lane.name} {number}", lane)
            waiting[lane] += 1
        elif len(lanes):
            both = all(waiting.values())
            lane = Lane.DUE if "DUE" in lanes.pop() else Lane.CHANGED
            waiting[lane] -= 1
            turns = [*turns, lane] if both else []

    dues = [place for place, lane in enumerate(turns) if lane is Lane.DUE]
    assert all(after - before == TURNS_PER_DUE for before, after in pairwise(dues))
    assert len(turns) - 1 - max(dues, default=-1) < TURNS_PER_DUE
