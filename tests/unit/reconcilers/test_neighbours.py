"""A Vault that is dead or slow beside one that is neither: who notices what.

The controllers run on one engine with all their workers, in virtual time; the two
Vaults and the API server are in memory. What B's resources see with A at fault is
compared with what they see when A is as good as B.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import structlog

from tests.unit.reconcilers.world import (
    AUTH_SPEC,
    CONNECTION_SPEC,
    MOST_READS,
    PROBE_REST,
    RESOURCE_SPEC,
    FakeVault,
    World,
)
from tests.unit.runtime.virtual import seeded
from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.app.engine import Engine
from vso_controller.credentials.bulkhead import Wakes
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.settings.model import Settings
from vso_controller.vault.errors import RateLimited, ServerUnreachable
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest

pytestmark = [pytest.mark.looptime, pytest.mark.timeout(120)]  # for `LONG`

RESOURCES = 5000 if os.environ.get("LONG") else 120  # of the Vault at fault
FEW = 20
CONNECT_TIMEOUT = 5.0
OUTAGE = 600.0


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Log nothing: thousands of resources have a lot to tell."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
    )
    yield
    structlog.reset_defaults()


class Neighbour(FakeVault):
    """A Vault that takes 50 ms to answer, and can be slower or not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.latency = 0.05
        self.is_dead = False
        self.asked: list[tuple[float, Operation]] = []
        self.inside = 0  # requests
        self.most_inside = 0
        self.put(password="s3cret")

    async def request(self, request: VaultRequest) -> VaultReply:
        self.asked.append((now(), request.operation))
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            return await self._answer_late(request)
        finally:
            self.inside -= 1

    async def _answer_late(self, request: VaultRequest) -> VaultReply:
        if self.is_dead:
            await asyncio.sleep(CONNECT_TIMEOUT)
            raise ServerUnreachable("no connection in time")
        await asyncio.sleep(self.latency)
        return await super().request(request)

    def operations(
        self, *, since: float = 0.0, until: float = math.inf
    ) -> list[Operation]:
        """Return what was asked in that time."""
        return [operation for at, operation in self.asked if since <= at < until]

    def times_of(self, operation: Operation) -> list[float]:
        """Return when an operation was asked for."""
        return [at for at, asked in self.asked if asked is operation]


class QuotaVault(Neighbour):
    """A Vault with a rate limit quota, which says when to come back."""

    def __init__(self, *, per_second: int) -> None:
        super().__init__()
        self.latency = 0.005
        self.refused = 0
        self._per_second = per_second
        self._second = 0
        self._left = per_second

    async def _answer_late(self, request: VaultRequest) -> VaultReply:
        second = int(now())
        if second != self._second:
            self._second, self._left = second, self._per_second
        self._left -= 1
        if self._left < 0:
            self.refused += 1
            raise RateLimited("429", retry_after=1)
        return await super()._answer_late(request)


@dataclass
class Neighbours(World):
    """Two Vaults, A and B, each with resources in a namespace of their own."""

    of_b: int = FEW
    vaults: dict[str, Neighbour] = field(
        default_factory=lambda: {"a": Neighbour(), "b": Neighbour()}
    )

    def __post_init__(self) -> None:
        self.engine = Engine(
            settings=Settings(),
            metrics=Metrics(version="test"),
            clock=self.clock,
            random=seeded(1),
        )
        super().__post_init__()
        self._settle("a", RESOURCES)
        self._settle("b", self.of_b)
        self.engine.add("connections", self.connection, self.connections.keys)
        self.engine.add("sessions", self.pool, self.pool.keys)
        self.engine.add("resources", self.static_secret, self.resources.keys)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the controllers for the length of the block."""
        async with asyncio.TaskGroup() as group:
            run = group.create_task(self.engine.run(asyncio.Event()))
            yield
            run.cancel()
        await self.clients_of.close()

    def secrets_of(self, name: str) -> int:
        """Return how many Secrets the resources of one Vault have."""
        return sum(key.namespace == name for key in self.kubernetes.secrets)

    def readiness_of(self, name: str) -> Counter[tuple[str, str]]:
        """Return how many resources of one Vault have which status and reason."""
        return Counter(
            self.condition(self.resources, key, "Ready")[:2]
            for key in self.resources.keys()  # noqa: SIM118 - a store is no dict
            if key.namespace == name
        )

    def _wakes(self) -> Wakes:
        return Wakes(
            connection=partial(self.engine.enqueue, "connections"),
            session=partial(self.engine.enqueue, "sessions"),
            consumer=partial(self.engine.resume, "resources"),
        )

    def _make_client(
        self, key: ObjectKey, spec: VaultConnectionSpec, ca: bytes | None
    ) -> FakeVault:
        return self.vaults[key.namespace]

    def _settle(self, name: str, resources: int) -> None:
        self.tokens.accounts.add(ObjectKey(name, "app-sa"))

        def own(envelope: Envelope) -> Envelope:
            return replace(envelope, uid=str(envelope.key))

        address = {"address": f"https://{name}:8200"}
        vault, auth = ObjectKey(name, "vault"), ObjectKey(name, "auth")
        self.put(self.connections, vault, CONNECTION_SPEC | address, change=own)
        self.put(self.auths, auth, AUTH_SPEC, change=own)
        for number in range(resources):
            spec = RESOURCE_SPEC | {
                "destination": {"name": f"s{number}", "create": True},
                "refreshAfter": "60s",
            }
            self.put(self.resources, ObjectKey(name, f"r{number}"), spec, change=own)


def now() -> float:
    return asyncio.get_running_loop().time()


async def reads_of_b(fault: Callable[[Neighbour], None], seconds: float) -> list[float]:
    """Return when B was read, in a run in which A has this fault from the start."""
    world = Neighbours(of_b=RESOURCES)
    fault(world.vaults["a"])
    started = now()
    async with world.running():
        await asyncio.sleep(seconds)
    return [at - started for at in world.vaults["b"].times_of(Operation.READ)]


def nothing(_: Neighbour) -> None:
    """Leave A as it is."""


def die(vault: Neighbour) -> None:
    vault.is_dead = True


def slow_down(vault: Neighbour) -> None:
    vault.latency = 30.0


@pytest.mark.parametrize("fault", [die, slow_down])
async def test_neighbour_of_a_broken_vault_is_read_as_without_it(
    fault: Callable[[Neighbour], None],
) -> None:
    without = await reads_of_b(nothing, seconds=70)
    beside = await reads_of_b(fault, seconds=70)

    assert len(beside) >= 0.99 * len(without)
    # The first of each resource: B begins no later.
    assert max(beside[:RESOURCES]) <= 1.1 * max(without[:RESOURCES])


async def test_dead_vault_is_probed_and_asked_nothing_else() -> None:
    world = Neighbours()
    dead = world.vaults["a"]
    dead.is_dead = True

    async with world.running():
        await asyncio.sleep(60)
        settled = now()
        await asyncio.sleep(OUTAGE)

    assert dead.most_inside <= 4, "two reads, a probe and a renewal"
    before = Counter(dead.operations(until=settled))
    assert before[Operation.LOGIN] + before[Operation.READ] <= 4
    assert set(dead.operations(since=settled)) == {Operation.SEAL_STATUS}
    assert len(dead.operations(since=settled)) <= 12 * OUTAGE / 60


async def test_resources_of_a_dead_vault_are_told_so_and_write_no_more() -> None:
    world = Neighbours()
    world.vaults["a"].is_dead = True

    async with world.running():
        await asyncio.sleep(60)
        assert world.readiness_of("a") == {("False", "VaultUnreachable"): RESOURCES}
        writes = world.kubernetes.writes
        await asyncio.sleep(OUTAGE)

    assert world.kubernetes.writes == writes


async def test_row_70_all_are_fresh_soon_after_an_outage_without_a_herd() -> None:
    world = Neighbours()
    vault = world.vaults["a"]
    async with world.running():
        await asyncio.sleep(120)
        vault.is_dead = True
        await asyncio.sleep(OUTAGE)
        assert world.readiness_of("a") == {("False", "VaultUnreachable"): RESOURCES}

        vault.is_dead, back, vault.most_inside = False, now(), 0
        await asyncio.sleep(PROBE_REST + CONNECT_TIMEOUT)
        assert vault.times_of(Operation.READ)[-1] >= back, "work resumes"
        await asyncio.sleep(110)

    assert world.readiness_of("a") == {("True", "Ready"): RESOURCES}
    assert vault.most_inside <= MOST_READS + 1
    assert vault.calls[Operation.LOGIN] <= 2


async def test_slow_vault_holds_no_more_workers_than_it_has_turns() -> None:
    world = Neighbours()
    slow = world.vaults["a"]
    slow.latency = 30.0

    async with world.running():
        await asyncio.sleep(600)

    assert slow.most_inside <= MOST_READS + 1
    assert world.secrets_of("a") > 0, "it is asked all the same"
    assert world.secrets_of("b") == FEW


async def test_row_33_quota_is_kept_to_without_a_storm() -> None:
    world = Neighbours()
    vault = world.vaults["a"] = QuotaVault(per_second=RESOURCES // 10)

    async with world.running():
        await asyncio.sleep(120)

    assert world.secrets_of("a") == RESOURCES
    assert vault.refused <= 0.25 * vault.calls[Operation.READ]
