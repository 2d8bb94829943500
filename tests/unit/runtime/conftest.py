"""Fixtures of the engine's tests."""

from __future__ import annotations

import pytest

from tests.unit.runtime.virtual import QueueRecord, VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def observer() -> QueueRecord:
    return QueueRecord()
