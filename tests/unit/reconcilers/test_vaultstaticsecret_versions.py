"""Row 46 of the fault matrix: Vault shows an older version than it did before."""

from __future__ import annotations

import pytest

from tests.unit.reconcilers.syncing import fail, ready, spec, sync
from tests.unit.reconcilers.world import AUTH, AUTH_SPEC, DESTINATION, RESOURCE, World
from vso_controller.kube.errors import ConnectionFailed

pytestmark = pytest.mark.looptime

WENT_BACK = "SecretVersionWentBack"


async def synced_at(version: int) -> World:
    world = World().in_order()
    world.vault.put(version, password="n3w")
    await sync(world)
    return world


def told(world: World) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in world.kubernetes.told]


def counted(world: World) -> float | None:
    return world.metrics.registry.get_sample_value("vso_vault_versions_gone_back_total")


async def test_older_version_is_written_and_told_once() -> None:
    world = await synced_at(5)
    assert counted(world) == 0, "an alert must see it rise from something"

    world.vault.put(3, password="0ld")
    for _ in range(3):
        await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"0ld"
    assert told(world) == [("Normal", "SecretSynced"), ("Warning", WENT_BACK)]
    assert "went back from 5 to 3" in world.kubernetes.told[-1].message
    assert counted(world) == 1
    assert ready(world)[0] == "True"


async def test_versions_that_rise_again_are_no_news() -> None:
    world = await synced_at(5)
    world.vault.put(3, password="0ld")
    await sync(world)

    world.vault.put(4, password="newer")
    await sync(world)

    assert told(world)[-1] == ("Normal", "SecretSynced")
    assert counted(world) == 1


async def test_step_back_whose_report_failed_is_told_by_the_next_try() -> None:
    world = await synced_at(5)
    world.vault.put(3, password="0ld")
    refused = ConnectionFailed("patch status: connection refused")
    world.kubernetes.failures["write"] = refused
    await fail(world)
    assert counted(world) == 0

    world.kubernetes.failures.clear()
    await sync(world)

    assert told(world)[-1] == ("Warning", WENT_BACK)
    assert counted(world) == 1


async def test_version_that_the_spec_asks_for_is_no_step_back() -> None:
    world = await synced_at(5)

    world.put(world.resources, RESOURCE, spec(version=3))
    world.vault.put(3, password="0ld")
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"0ld"
    assert WENT_BACK not in dict(told(world)).values()


async def test_other_vault_that_an_edit_leads_to_begins_anew() -> None:
    world = await synced_at(5)

    world.put(world.auths, AUTH, AUTH_SPEC | {"namespace": "elsewhere"})
    world.vault.put(3, password="0ld")
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"0ld"
    assert counted(world) == 0


async def test_resource_made_anew_begins_anew() -> None:
    world = await synced_at(5)

    world.remove(world.resources, RESOURCE)
    await sync(world)
    world.put(world.resources, RESOURCE, spec())
    world.vault.put(3, password="0ld")
    await sync(world)

    assert counted(world) == 0


async def test_new_leader_takes_what_it_reads_first() -> None:
    world = await synced_at(5)

    await world.hand_over()
    world.vault.put(3, password="0ld")
    world.put(world.resources, RESOURCE, spec(refreshAfter="1h"))
    await sync(world)

    assert world.kubernetes.values[DESTINATION]["password"] == b"0ld"
    assert counted(world) == 0
