"""What the tests of VaultDynamicSecrets do over and over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from tests.unit.reconcilers.world import DESTINATION, World
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.vaultdynamicsecret import FINALIZER
from vso_controller.runtime.ports import Outcome

CREDENTIALS = ObjectKey("apps", "creds")
ROLE = "database/creds/app"
SPEC: dict[str, Any] = {
    "vaultAuthRef": "auth",
    "mount": "database",
    "path": "creds/app",
    "destination": {"name": DESTINATION.name, "create": True},
}


def world_in_order(**changes: Any) -> World:  # noqa: ANN401 - what a world takes
    """Return a world with a VaultDynamicSecret, whose leases last for an hour."""
    world = World(**changes).in_order()
    world.vault.leases_end = True
    world.vault.lease_ttl = 3600
    world.vault.ttl = 10**6
    put(world)
    return world


def put(world: World, **changes: object) -> Envelope:
    """Have the resource with this spec."""
    return world.put(world.dynamic, CREDENTIALS, SPEC | changes)


async def sync(world: World) -> Outcome:
    """Reconcile the resource as it is."""
    return await world.dynamic_secret.reconcile(CREDENTIALS, world.clock.monotonic())


async def run(world: World, *, seconds: float) -> None:
    """Reconcile the resource, and renew sessions, whenever that is due."""
    now = asyncio.get_running_loop().time
    until = now() + seconds
    while now() < until:
        waits = [await _patiently(world.dynamic_secret.reconcile, CREDENTIALS)]
        sessions = world.pool.keys()
        waits += [await _patiently(world.pool.reconcile, key) for key in sessions]
        due = [wait for wait in waits if wait is not None]
        await asyncio.sleep(min([until - now(), *(max(0.05, each) for each in due)]))


async def _patiently(reconcile: Any, key: ObjectKey) -> float | None:  # noqa: ANN401
    try:
        outcome: Outcome = await reconcile(key, 0.0)
    except OperationFailed:
        return 10.0
    return outcome.requeue_after


def status(world: World) -> dict[str, Any]:
    """Return the status of the resource."""
    return world.status(world.dynamic, CREDENTIALS)


def lease(world: World) -> str:
    """Return the lease in use by the status."""
    return str(status(world)["secretLease"]["id"])


def owed(world: World) -> list[str]:
    """Return the leases that the status says are owed."""
    return [each["leaseID"] for each in status(world).get("pendingRevocations", ())]


def password(world: World) -> bytes:
    """Return the password in the Secret."""
    return world.kubernetes.values[DESTINATION]["password"]


def ready(world: World) -> tuple[str, str, str]:
    """Return the condition Ready."""
    return world.condition(world.dynamic, CREDENTIALS, "Ready")


def delete(world: World) -> None:
    """Delete the resource; its finalizer keeps it."""

    def deleted(envelope: Envelope) -> Envelope:
        return replace(envelope, deleting=True)

    held = world.dynamic.get(CREDENTIALS)
    assert held is not None
    assert FINALIZER in held.finalizers
    world.put(world.dynamic, CREDENTIALS, SPEC, change=deleted)


def is_gone(world: World) -> bool:
    """Tell whether the API server has the resource no more."""
    return ("vaultdynamicsecrets", CREDENTIALS) not in world.kubernetes.resources
