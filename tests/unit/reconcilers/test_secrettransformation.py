from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcilers.syncing import spec
from tests.unit.reconcilers.transforming import SHARED, share
from tests.unit.reconcilers.world import RESOURCE, World
from vso_controller.runtime.ports import Outcome

pytestmark = pytest.mark.looptime


async def judge(world: World) -> Outcome:
    return await world.transformation.reconcile(SHARED, 0)


def status(world: World) -> dict[str, Any]:
    return world.status(world.transformations, SHARED)


def told(world: World) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in world.kubernetes.told]


async def test_what_can_be_read_is_valid() -> None:
    world = World()
    share(world, templates={"a": {"text": "x"}}, sourceTemplates=[{"text": "y"}])

    assert await judge(world) == Outcome()

    assert (status(world)["valid"], status(world)["error"]) == (True, "")
    conditions = {each["type"]: each for each in status(world)["conditions"]}
    assert conditions.keys() == {"Healthy", "Ready"}
    assert conditions["Healthy"]["message"] == "SecretsTransformationHealthy"
    assert {each["status"] for each in conditions.values()} == {"True"}
    assert {each["observedGeneration"] for each in conditions.values()} == {1}
    assert told(world) == [("Normal", "Accepted")]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param(
            {"templates": {"a": {"text": "broken"}}},
            f"{SHARED}/a:1: it is broken",
            id="template",
        ),
        pytest.param(
            {"sourceTemplates": [{"text": "x"}, {"text": "broken"}]},
            f"{SHARED}/1:1: it is broken",
            id="source template",
        ),
        pytest.param(
            {"excludes": ["["]},
            "spec: excludes: '[' is no regular expression (RE2): missing ]: [",
            id="defect 41: expression",
        ),
        pytest.param(
            {
                "sourceTemplates": [
                    {"name": "a", "text": "x"},
                    {"name": "a", "text": ""},
                ]
            },
            "spec: the template a is there more than once",
            id="two of one name",
        ),
        pytest.param(
            {"includes": "all"},
            "spec.includes: Input should be a valid array",
            id="no list",
        ),
    ],
)
async def test_what_cannot_be_read_is_told(fields: dict[str, Any], error: str) -> None:
    world = World()
    share(world, **fields)

    assert await judge(world) == Outcome(), "it waits for an edit"

    assert (status(world)["valid"], status(world)["error"]) == (False, error)
    state, reason, message = world.condition(world.transformations, SHARED, "Ready")
    assert (state, reason, message) == ("False", "InvalidSpec", error)
    assert told(world) == [("Warning", "InvalidConfiguration")]


async def test_news_is_told_once_and_written_once() -> None:
    world = World()
    share(world, includes=["("])
    await judge(world)
    writes = world.kubernetes.writes

    await judge(world)
    share(world, includes=["a"])
    await judge(world)
    await judge(world)

    assert [kind for kind, _ in told(world)] == ["Warning", "Normal"]
    assert world.kubernetes.writes - writes == 1


async def test_one_that_is_gone_is_forgotten() -> None:
    world = World()
    share(world)
    await judge(world)
    world.remove(world.transformations, SHARED)

    assert await judge(world) == Outcome()


@pytest.mark.parametrize("change", ["edited", "deleted", "made"])
async def test_change_wakes_who_refers_to_it(change: str) -> None:
    world = World().in_order()
    reference = {"name": SHARED.name, "namespace": SHARED.namespace}
    destination = {
        "name": "x",
        "transformation": {"transformationRefs": [{"name": "other"}, reference]},
    }
    world.put(world.resources, RESOURCE, spec(destination=destination))
    if change != "made":
        share(world)
    world.woken.clear()

    match change:
        case "deleted":
            world.remove(world.transformations, SHARED)
        case _:
            share(world, includes=["a"])

    assert set(world.woken) == {SHARED, RESOURCE}


async def test_status_wakes_nobody() -> None:
    world = World().in_order()
    share(world)
    world.woken.clear()

    await judge(world)

    assert world.woken == []
