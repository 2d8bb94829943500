"""What the tests of transformations do over and over."""

from __future__ import annotations

from typing import Any

from tests.fakes.templates import FakeRenderer
from tests.unit.reconcilers.syncing import spec
from tests.unit.reconcilers.world import DESTINATION, OPERATOR, RESOURCE, World
from vso_controller.foundation.objects import ObjectKey

SHARED = ObjectKey(OPERATOR, "shared")
REFERENCE = {"name": SHARED.name, "namespace": SHARED.namespace}


def rendering(text: str, **more: object) -> dict[str, Any]:
    """Return a transformation whose one template makes the key `out`."""
    return {"templates": {"out": {"text": text}}} | more


def transform(world: World, transformation: dict[str, Any], **changes: object) -> World:
    """Have the resource ask for a transformation."""
    destination = {
        "name": "db-secret",
        "create": True,
        "transformation": transformation,
    } | changes.pop("destination", {})  # type: ignore[operator]
    world.put(world.resources, RESOURCE, spec(destination=destination, **changes))
    return world


def share(world: World, **fields: object) -> None:
    """Have a SecretTransformation."""
    world.put(world.transformations, SHARED, dict(fields))


def out(world: World) -> str:
    """Return what the template made."""
    return values(world)["out"]


def values(world: World) -> dict[str, str]:
    """Return the data of the Secret without the raw answer."""
    data = world.kubernetes.values[DESTINATION]
    return {key: value.decode() for key, value in data.items() if key != "_raw"}


def rendered(world: World) -> int:
    """Return how often templates were rendered."""
    assert isinstance(world.renderer, FakeRenderer)
    return world.renderer.rendered


def status(world: World) -> dict[str, Any]:
    return world.status(world.resources, RESOURCE)
