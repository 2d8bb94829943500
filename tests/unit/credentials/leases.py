"""Leases for tests of a pool, and the scheduler that renews their tokens."""

from __future__ import annotations

import asyncio

from tests.unit.reconcilers.world import World
from vso_controller.credentials.holds import IssuedTo
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObjectKey

SECRET_PATH = ("secret", "data", "prod", "db")
ROLE = ("database", "creds", "app")


async def issue(world: World, consumer: ObjectKey, auth: str = "auth") -> IssuedTo:
    """Have a lease issued to `consumer`."""
    return await (await world.pool.open(consumer, auth)).issue(ROLE)


def lease_of(issued: IssuedTo) -> str:
    """Return the ID of the lease."""
    return str(issued.reply.document.reveal()["lease_id"])


def token_of(world: World, issued: IssuedTo) -> str:
    """Return the token that Vault issued the lease with."""
    return world.vault.leases[lease_of(issued)]


async def keep_alive(world: World, *, seconds: float) -> None:
    """Do what the controller of sessions does: reconcile each when it is due."""
    now = asyncio.get_running_loop().time
    until = now() + seconds
    while True:
        keys = world.pool.keys()
        waits = [await _reconcile(world, key) for key in keys]
        rest = min([until - now(), *(wait for wait in waits if wait is not None)])
        await asyncio.sleep(rest)
        if now() >= until:
            return


async def _reconcile(world: World, key: ObjectKey) -> float | None:
    try:
        return (await world.pool.reconcile(key, 0)).requeue_after
    except OperationFailed:
        return 60.0
