"""Reconciles that end where they would write, and what is told of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from tests.unit.reconcilers.syncing import spec, sync
from tests.unit.reconcilers.world import (
    AUTH,
    CONNECTION,
    DESTINATION,
    RESOURCE,
    World,
)
from vso_controller.foundation.intentions import Intention, Write
from vso_controller.foundation.objects import ObjectKey
from vso_controller.reconcilers.observing import ObservingReconciler
from vso_controller.runtime.observing import ObserverGate
from vso_controller.runtime.ports import Outcome, Reconciler
from vso_controller.vault.errors import ServerUnreachable
from vso_controller.vault.requests import Operation

pytestmark = pytest.mark.looptime

SECRET = ("create", "secrets", "db-secret")
STATUS = ("patch", "vaultstaticsecrets/status", "database")


class ByName:
    """Describes writes without a look at what is there; `wanted` tells them apart."""

    def __init__(self) -> None:
        self.wanted = b""

    async def describe(self, write: Write) -> Intention:
        return Intention(write.verb, write.resource, write.key, None, self.wanted)


class Observed:
    """A world that nobody writes to, and the observer of its VaultStaticSecrets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.describer = ByName()
        self._reconciler = self.observer("vaultstaticsecret", world.static_secret)
        world.kubernetes.gate = ObserverGate()

    def observer(self, controller: str, reconciler: Reconciler) -> ObservingReconciler:
        return ObservingReconciler(
            controller=controller,
            reconciler=reconciler,
            describer=self.describer,
            metrics=self.world.metrics,
            look_again=timedelta(seconds=42),
        )

    async def look(self) -> list[tuple[str, str, str]]:
        """Reconcile; return what is told that would be written."""
        with capture_logs() as lines:
            await self._reconciler.reconcile(RESOURCE, 0)
        return told(lines)

    async def outcome(self) -> Outcome:
        return await self._reconciler.reconcile(RESOURCE, 0)

    def sample(self, name: str, labels: str) -> float:
        text = generate_latest(self.world.metrics.registry).decode()
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith(f"{name}{{{labels}}}")
        )

    def differing(self, resource: str) -> float:
        labels = f'controller="vaultstaticsecret",resource="{resource}"'
        return self.sample("vso_differing_resources", labels)


def told(lines: list[Any]) -> list[tuple[str, str, str]]:
    return [
        (line["verb"], line["resource"], line["name"])
        for line in lines
        if line["event"] == "would_have_written"
    ]


@pytest.fixture
def observed() -> Observed:
    return Observed(World().in_order())


async def test_new_resource_is_told_and_nothing_is_written(observed: Observed) -> None:
    assert await observed.look() == [SECRET]

    assert observed.world.kubernetes.writes == 0
    assert observed.world.kubernetes.told == []
    assert observed.differing("secrets") == 1
    counted = 'resource="secrets",verb="create"'
    assert observed.sample("vso_withheld_writes_total", counted) == 1


async def test_withheld_write_is_looked_at_again_in_its_slot(
    observed: Observed,
) -> None:
    outcome = await observed.outcome()

    assert outcome.requeue_after is not None
    assert 0 < outcome.requeue_after <= 30


async def test_same_intention_is_no_news(observed: Observed) -> None:
    await observed.look()

    assert await observed.look() == []
    assert observed.differing("secrets") == 1


async def test_another_intention_is_news(observed: Observed) -> None:
    await observed.look()
    observed.describer.wanted = b"another value"

    assert await observed.look() == [SECRET]
    assert observed.differing("secrets") == 1


async def test_resource_that_is_in_step_again_differs_no_more(
    observed: Observed,
) -> None:
    await observed.look()
    gate, observed.world.kubernetes.gate = observed.world.kubernetes.gate, None
    await sync(observed.world)
    observed.world.kubernetes.gate = gate

    with capture_logs() as lines:
        await observed.outcome()

    assert "difference_gone" in [line["event"] for line in lines]
    assert observed.differing("secrets") == 0


async def test_resource_that_is_gone_differs_no_more(observed: Observed) -> None:
    await observed.look()
    observed.world.remove(observed.world.resources, RESOURCE)

    await observed.look()

    assert observed.differing("secrets") == 0


async def test_resource_in_step_but_for_its_status_tells_that_alone(
    observed: Observed,
) -> None:
    gate, observed.world.kubernetes.gate = observed.world.kubernetes.gate, None
    await sync(observed.world)
    observed.world.put(observed.world.resources, RESOURCE, spec(refreshAfter="40s"))
    observed.world.kubernetes.gate = gate
    before = observed.world.kubernetes.writes

    with capture_logs() as lines:
        outcome = await observed.outcome()

    assert told(lines) == [STATUS]
    assert outcome.requeue_after is not None, "its slot, as if it had been written"
    assert "reconciled" not in [line["event"] for line in lines]
    assert observed.world.kubernetes.writes == before
    assert observed.differing("vaultstaticsecrets/status") == 1


async def test_wrong_reference_is_an_intention_and_no_error(
    observed: Observed,
) -> None:
    observed.world.put(observed.world.resources, RESOURCE, spec(vaultAuthRef="nobody"))

    assert await observed.look() == [STATUS]
    assert await observed.look() == []


async def test_vault_that_is_away_rests_keys_as_a_leader_does(
    observed: Observed,
) -> None:
    observed.world.vault.failures[Operation.LOGIN] = ServerUnreachable("gone")

    with capture_logs() as lines, pytest.raises(ServerUnreachable):
        await observed.outcome()

    assert told(lines) == [STATUS]
    assert "resource_failed" not in [line["event"] for line in lines]


async def test_connection_that_is_only_observed_wakes_nobody(
    observed: Observed,
) -> None:
    world = observed.world
    observer = observed.observer("vaultconnection", world.connection)
    world.woken.clear()

    with capture_logs() as lines:
        await observer.reconcile(CONNECTION, 0)

    assert told(lines) == [("patch", "vaultconnections/status", "vault")]
    assert AUTH not in world.woken
    assert RESOURCE not in world.woken


async def test_replaced_type_is_a_deletion_that_names_the_destination(
    observed: Observed,
) -> None:
    world = observed.world
    gate, world.kubernetes.gate = world.kubernetes.gate, None
    await sync(world)
    destination = {"name": "db-secret", "create": True, "type": "example.com/db"}
    world.put(world.resources, RESOURCE, spec(destination=destination))
    world.kubernetes.gate = gate

    assert await observed.look() == [("delete", "secrets", "db-secret")]
    assert DESTINATION in world.kubernetes.secrets


async def test_reconciler_that_knows_nothing_of_observers_is_asked_again() -> None:
    class Writer:
        async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
            await world.kubernetes.delete(key, uid="", resource_version="")
            return Outcome()

    world = World()
    observer = Observed(world).observer("writer", Writer())

    outcome = await observer.reconcile(RESOURCE, 0)

    assert outcome == Outcome(42)
