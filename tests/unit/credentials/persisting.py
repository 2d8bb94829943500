"""Worlds in which tokens outlive the process, and the processes that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from prometheus_client import generate_latest

from tests.unit.reconcilers.world import AUTH_SPEC, OPERATOR, RESOURCE, World
from vso_controller.domain.clientcache import LABELS, PersistenceModel
from vso_controller.foundation.objects import ObjectKey

PATH = ("secret", "data", "prod", "db")
ENCRYPTION = ObjectKey(OPERATOR, "storage")
ENCRYPTION_SPEC = AUTH_SPEC | {
    "vaultConnectionRef": "apps/vault",
    "kubernetes": {"role": "storage", "serviceAccount": "storage-sa"},
    "storageEncryption": {"mount": "transit", "keyName": "vso"},
}


def world(model: PersistenceModel = PersistenceModel.UNENCRYPTED) -> World:
    made = World(persistence_model=model).in_order()
    if model is PersistenceModel.ENCRYPTED:
        put_encryption(made)
        made.tokens.accounts.add(ObjectKey(OPERATOR, "storage-sa"))
    return made


def put_encryption(world: World, key: ObjectKey = ENCRYPTION) -> None:
    labels = {"cacheStorageEncryption": "true"}
    world.put(
        world.auths,
        key,
        ENCRYPTION_SPEC,
        change=lambda each: replace(each, labels=labels),
    )


async def read(world: World) -> None:
    session = await world.pool.open(RESOURCE, "auth")
    await session.read(PATH)


@asynccontextmanager
async def leading(world: World) -> AsyncIterator[None]:
    """Lead for the length of the block, and a while before its end."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.persistence.run())
        await asyncio.sleep(1)
        yield
        await asyncio.sleep(10)
        task.cancel()


async def lead_and_read(world: World) -> None:
    async with leading(world):
        await read(world)


async def log_in_and_hand_over(
    world: World, model: PersistenceModel | None = None
) -> World:
    """Have a first process log in; return the world of the next one."""
    await lead_and_read(world)
    await world.hand_over()
    if model is None or model is world.persistence_model:
        return world
    return World(
        vault=world.vault,
        kubernetes=world.kubernetes,
        tokens=world.tokens,
        persistence_model=model,
    ).in_order()


def entries(world: World) -> list[ObjectKey]:
    kubernetes = world.kubernetes
    return [
        key
        for key, each in kubernetes.secrets.items()
        if LABELS.items() <= each.labels.items()
    ]


def outcomes(world: World) -> dict[str, float]:
    """Return how often looking for a token ended in what."""
    lines = generate_latest(world.metrics.registry).decode().splitlines()
    name = "vso_session_restores_total{"
    return {
        line.split('"')[1]: float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith(name)
    }
