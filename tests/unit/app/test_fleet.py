"""What very many resources cost Vault, with everything real between two fakes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import pytest

from tests.unit.reconcilers.world import RESOURCE_SPEC, World
from tests.unit.runtime.virtual import seeded
from vso_controller.app.engine import Engine
from vso_controller.foundation.objects import ObjectKey
from vso_controller.settings.model import Settings
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

CONTROLLER = "vaultstaticsecret"
PERIOD = 30.0  # seconds


@dataclass
class Fleet:
    """So many resources on so many paths, with one identity."""

    resources: int
    paths: int

    def __post_init__(self) -> None:
        self.world = World(read_sharing_window=10.0).in_order()
        self.world.vault.delays[Operation.READ] = 0.05
        self.keys = [ObjectKey("apps", f"app-{n}") for n in range(self.resources)]
        self.engine = Engine(
            settings=Settings(),
            metrics=self.world.metrics,
            clock=self.world.clock,
            random=seeded(1),
        )
        wake = partial(self.engine.resume, CONTROLLER)
        self.world.wakes = replace(self.world.wakes, consumer=wake)
        for number in range(self.paths):
            self.store(number, "first")
        for number, key in enumerate(self.keys):
            destination = {"name": f"{key.name}-secret", "create": True}
            path = {"path": f"shared/{number % self.paths}"}
            self.put(key, path | {"destination": destination})

    def store(self, number: int, password: str) -> None:
        """Have Vault store this at one of the paths."""
        self.world.vault.stored[f"secret/data/shared/{number}"] = {
            "data": {"password": password},
            "metadata": {"version": "1"},
        }

    def put(self, key: ObjectKey, changes: dict[str, object]) -> None:
        """Have a resource with these changes to its spec."""
        self.world.put(self.world.resources, key, RESOURCE_SPEC | changes)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reconcile for the length of the block."""
        stop = asyncio.Event()
        self.engine.add(CONTROLLER, self.world.static_secret, lambda: self.keys)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run(stop))
            yield
            stop.set()

    def reads(self) -> Counter[str]:
        """Return how often each path was read."""
        requests = self.world.vault.requests
        return Counter(
            "/".join(each.path) for each in requests if each.operation is Operation.READ
        )


async def test_thousand_resources_of_one_identity_cost_one_login_and_one_read() -> None:
    fleet = Fleet(resources=1000, paths=1)

    async with fleet.running():
        await asyncio.sleep(0.1)

    assert len(fleet.world.kubernetes.secrets) == 1000
    assert fleet.world.vault.logins == 1
    assert fleet.reads().total() == 1


async def test_each_path_is_read_once_a_period_however_many_read_it() -> None:
    fleet = Fleet(resources=300, paths=3)
    periods = 2

    async with fleet.running():
        await asyncio.sleep(PERIOD)
        before = fleet.reads()
        await asyncio.sleep(periods * PERIOD)
        reads = fleet.reads() - before

    assert len(reads) == 3
    assert set(reads.values()) == {periods}
    assert fleet.world.vault.logins == 1
