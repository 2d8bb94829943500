"""The fence around every write."""

from __future__ import annotations

import math

import pytest

from tests.unit.runtime.virtual import VirtualClock
from vso_controller.foundation.errors import Transient
from vso_controller.runtime.gate import LeaseGate, NotLeading

pytestmark = pytest.mark.looptime


@pytest.fixture
def gate(clock: VirtualClock) -> LeaseGate:
    return LeaseGate(clock=clock, margin=2)


async def test_gate_is_closed_to_begin_with(gate: LeaseGate) -> None:
    with pytest.raises(NotLeading, match="patch secrets apps/db: ") as refusal:
        gate.check("patch secrets apps/db")
    assert isinstance(refusal.value, Transient)


async def test_gate_closes_before_the_lease_ends(
    gate: LeaseGate, clock: VirtualClock
) -> None:
    gate.open_until(15, asked=0)

    clock.suspended = 12.9
    gate.check()
    clock.suspended = 13

    with pytest.raises(NotLeading):
        gate.check()


async def test_closed_gate_stays_closed_until_it_is_opened_anew(
    gate: LeaseGate,
) -> None:
    gate.open_until(15, asked=0)
    gate.close()
    assert not gate.is_open

    gate.open_until(math.inf, asked=0)

    gate.check()


async def test_gate_that_was_closed_is_not_opened_by_what_was_asked_for_before(
    gate: LeaseGate, clock: VirtualClock
) -> None:
    gate.open_until(15, asked=0)
    clock.suspended = 5
    gate.close()

    gate.open_until(19, asked=4)
    assert not gate.is_open, "a renewal that was under way when it was closed"
    gate.open_until(20, asked=5)

    assert gate.is_open
