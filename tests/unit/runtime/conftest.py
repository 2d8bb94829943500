"""Fixtures of the engine's tests."""

from __future__ import annotations

import pytest

from tests.fakes.listwatch import FakeListWatch
from tests.unit.runtime.following import make_reflector
from tests.unit.runtime.stores import Heard
from tests.unit.runtime.virtual import (
    FixedLimiter,
    Plenty,
    QueueRecord,
    VirtualClock,
    flow_of,
)
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.reflector import Reflector
from vso_controller.runtime.store import Store
from vso_controller.runtime.workqueue import WorkQueue


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def observer() -> QueueRecord:
    return QueueRecord()


@pytest.fixture
def limiter() -> FixedLimiter:
    return FixedLimiter(rest=10)


@pytest.fixture
def queue(
    limiter: FixedLimiter, observer: QueueRecord, clock: VirtualClock
) -> WorkQueue[str]:
    return WorkQueue(
        limiter=limiter,
        bucket=Plenty(),
        flow=flow_of,
        observer=observer,
        clock=clock,
    )


@pytest.fixture
def server() -> FakeListWatch:
    return FakeListWatch()


@pytest.fixture
def store() -> Store[Envelope]:
    return Store()


@pytest.fixture
def heard(store: Store[Envelope]) -> Heard:
    """Return what a handler of the store is told from now on."""
    heard = Heard()
    store.add_handler(heard)
    return heard


@pytest.fixture
def reflector(
    server: FakeListWatch, store: Store[Envelope], clock: VirtualClock
) -> Reflector[Envelope]:
    return make_reflector(server, store, clock)
