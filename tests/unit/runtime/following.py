"""A reflector that follows a server which the test has in hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from tests.fakes.listwatch import FakeListWatch
from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.foundation.objects import Envelope
from vso_controller.runtime.reflector import Reflector, ReflectorTiming
from vso_controller.runtime.store import Store

SOON = 5.0  # seconds in which a store catches up after one failure or two


def make_reflector(
    server: FakeListWatch,
    store: Store[Envelope],
    clock: VirtualClock,
    *,
    random: Random | None = None,
) -> Reflector[Envelope]:
    return Reflector(
        name="things",
        source=server,
        store=store,
        clock=clock,
        random=random or seeded(7),
        timing=ReflectorTiming(),
    )


@asynccontextmanager
async def running(reflector: Reflector[Envelope]) -> AsyncIterator[None]:
    """Run the reflector for the length of the block; it must still run at its end."""
    async with asyncio.TaskGroup() as group:
        life = group.create_task(reflector.run())
        yield
        assert not life.done()
        life.cancel()


def agree(store: Store[Envelope], server: FakeListWatch) -> bool:
    return {item.key: item for item in store.values()} == server.objects
