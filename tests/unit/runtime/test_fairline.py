"""Flows that take turns: whatever joins and leaves, none is passed over twice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vso_controller.runtime.fairline import FairLine

Key = tuple[int, int]  # flow and number


def first(key: Key) -> int:
    return key[0]


def test_flows_take_turns_and_keep_their_order() -> None:
    line: FairLine[Key] = FairLine(flow=first)
    for key in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)):
        line.push(key)

    turns = [line.pop() for _ in range(len(line))]

    assert turns == [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (1, 3)]


def test_flow_that_comes_back_waits_for_all_others() -> None:
    line: FairLine[Key] = FairLine(flow=first)
    for key in ((1, 1), (2, 1), (3, 1)):
        line.push(key)

    line.pop()
    line.push((1, 2))

    assert [line.pop() for _ in range(3)] == [(2, 1), (3, 1), (1, 2)]


def test_nobody_in_line_is_an_error() -> None:
    line: FairLine[Key] = FairLine(flow=first)
    line.push((1, 1))
    line.clear()

    with pytest.raises(KeyError):
        line.pop()


class FairLineMachine(RuleBasedStateMachine):
    """A list for each flow, and for each key how many others may go before it."""

    keys = st.tuples(st.integers(0, 3), st.integers(0, 4))

    def __init__(self) -> None:
        super().__init__()
        self.line: FairLine[Key] = FairLine(flow=first)
        self.flows: dict[int, list[Key]] = {}
        # For each flow with keys, whose turns there were since its own or its coming.
        self.passed_by: dict[int, Counter[int]] = {}

    @rule(keys=st.lists(keys, min_size=1, max_size=8))
    def push(self, keys: list[Key]) -> None:
        for key in keys:
            self.line.push(key)
            flow = self.flows.setdefault(first(key), [])
            if not flow:
                self.passed_by[first(key)] = Counter()
            if key not in flow:
                flow.append(key)

    @precondition(lambda self: len(self.line) > 0)
    @rule()
    def pop(self) -> None:
        key = self.line.pop()
        flow = first(key)
        assert key == self.flows[flow].pop(0), "first in, first out"
        self.passed_by[flow] = Counter()
        for other, turns in self.passed_by.items():
            if other != flow and self.flows[other]:
                turns[flow] += 1

    @rule(key=keys)
    def remove(self, key: Key) -> None:
        self.line.remove(key)
        flow = self.flows.get(first(key), [])
        if key in flow:
            flow.remove(key)

    @invariant()
    def holds_each_key_once(self) -> None:
        assert len(self.line) == sum(len(flow) for flow in self.flows.values())
        for flow, keys in self.flows.items():
            for number in range(5):
                key = (flow, number)
                assert (key in self.line) == (key in keys)

    @invariant()
    def no_flow_has_two_turns_before_another_has_one(self) -> None:
        for flow, turns in self.passed_by.items():
            if self.flows[flow]:
                assert all(count == 1 for count in turns.values())

    @invariant()
    def flows_without_keys_leave_nothing_behind(self) -> None:
        assert set(self.line._flows) == {
            flow for flow, keys in self.flows.items() if keys
        }


TestFairLine = FairLineMachine.TestCase
