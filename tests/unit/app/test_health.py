"""What the probes say of an engine and its watches. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.unit.runtime.virtual import VirtualClock, seeded
from vso_controller.app.engine import Engine
from vso_controller.app.health import Health
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import ObjectKey
from vso_controller.runtime.ports import Outcome
from vso_controller.runtime.reflector import ReflectorTiming
from vso_controller.settings.model import Settings

pytestmark = pytest.mark.looptime

BOUND = 8 * 60 + 300


@dataclass
class Watch:
    """What a reflector shows of itself."""

    name: str = "secrets"
    has_synced: bool = True
    last_contact: float | None = 0.0


@dataclass
class Vaults:
    """Connections of which the slowest has this timeout."""

    longest_vault_timeout: float = 60.0


class Waiting:
    """A reconciler whose server takes its time, or for ever."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
        await asyncio.sleep(self._seconds)
        return Outcome()


@dataclass
class World:
    """An engine, and what is said of it."""

    health: Health
    engine: Engine
    watch: Watch
    vaults: Vaults
    clock: VirtualClock

    @asynccontextmanager
    async def leading(self, seconds: float, keys: int) -> AsyncIterator[None]:
        """Have so many keys reconciled that take so long, two at a time."""
        names = [ObjectKey("apps", f"app-{n}") for n in range(keys)]
        self.engine.add("vaultstaticsecret", Waiting(seconds), lambda: names)
        async with asyncio.TaskGroup() as group:
            run = group.create_task(self.engine.run(asyncio.Event()))
            yield
            run.cancel()


def begin() -> World:
    """Return what begins now."""
    clock = VirtualClock()
    engine = Engine(
        settings=Settings(max_concurrent_reconciles=2),
        metrics=Metrics(version="test"),
        clock=clock,
        random=seeded(1),
    )
    watch, vaults = Watch(), Vaults()
    health = Health(
        watches=[watch],
        longest_silence=ReflectorTiming().longest_silence,
        engine=engine,
        vaults=vaults,
        clock=clock,
    )
    return World(health, engine, watch, vaults, clock)


async def test_store_that_was_not_listed_is_told_with_the_time() -> None:
    world = begin()
    world.watch.has_synced, world.watch.last_contact = False, None
    await asyncio.sleep(12)

    assert list(world.health.not_ready()) == ["secrets have not been listed in 12 s"]


async def test_idle_watch_is_ready_and_a_silent_one_is_not() -> None:
    world = begin()
    # Eighty seconds, found dead after ten, thirty of rest, ten for the next answer.
    await asyncio.sleep(130)
    assert list(world.health.not_ready()) == []
    await asyncio.sleep(1)

    assert list(world.health.not_ready()) == [
        "the watch of secrets has heard nothing from the API server for 131 s"
    ]


async def test_vault_that_is_slow_for_everybody_fails_no_probe() -> None:
    world = begin()
    async with world.leading(8 * 60, keys=50):
        for _ in range(24):
            await asyncio.sleep(600)
            world.watch.last_contact = world.clock.monotonic()
            assert list(world.health.not_ready()) == []


async def test_workers_that_do_not_come_back_are_told() -> None:
    world = begin()
    async with world.leading(1e9, keys=3):
        await asyncio.sleep(BOUND)
        world.watch.last_contact = world.clock.monotonic()
        assert list(world.health.not_ready()) == []
        await asyncio.sleep(1)

        wedged, stuck = world.health.not_ready()

    assert wedged.startswith("the queue of vaultstaticsecret is wedged")
    assert stuck == (
        "a worker of vaultstaticsecret is stuck: it has had one key for 781 s"
    )


async def test_vault_of_long_timeouts_is_given_its_time() -> None:
    world = begin()
    world.vaults.longest_vault_timeout = 600
    async with world.leading(1e9, keys=3):
        await asyncio.sleep(8 * 600 + 300)
        world.watch.last_contact = world.clock.monotonic()

        assert list(world.health.not_ready()) == []


async def test_who_leads_no_more_has_nothing_to_be_late_with() -> None:
    world = begin()
    async with world.leading(1e9, keys=3):
        await asyncio.sleep(BOUND + 1)
    world.watch.last_contact = world.clock.monotonic()

    assert list(world.health.not_ready()) == []


async def test_due_time_that_is_missed_is_told() -> None:
    world = begin()
    world.engine.add("vaultauth", Waiting(0), list)
    slot = ("vaultauth", ObjectKey("apps", "a"))
    world.engine._scheduler.schedule(slot, world.clock.boot() + 5)
    assert list(world.health.not_ready()) == []

    world.clock.suspended = 60

    assert list(world.health.not_ready()) == [
        "what is due by the clock has not been handed out for 55 s"
    ]
    await asyncio.sleep(10)
    assert list(world.health.not_ready()) == []
