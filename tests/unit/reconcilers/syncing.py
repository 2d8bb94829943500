"""What the tests of VaultStaticSecrets do over and over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcilers.world import (
    RESOURCE,
    RESOURCE_SPEC,
    World,
)
from vso_controller.foundation.errors import OperationFailed
from vso_controller.runtime.ports import Outcome


async def sync(world: World) -> Outcome:
    return await world.static_secret.reconcile(RESOURCE, world.clock.monotonic())


async def fail(world: World) -> OperationFailed:
    with pytest.raises(OperationFailed) as caught:
        await sync(world)
    return caught.value


def ready(world: World) -> tuple[str, str, str]:
    return world.condition(world.resources, RESOURCE, "Ready")


def spec(**changes: object) -> dict[str, Any]:
    return RESOURCE_SPEC | changes
