"""What can be done to the API server itself, for stories of it.

A control plane of our own is killed, compacted and frozen. devcluster lives in this
process, so there the proxy before it does what can be seen of that from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devcluster.cluster import DevCluster
from tests.e2e.world import World
from tests.support.controlplane import ControlPlane
from tests.support.faults import Rule
from tests.support.faults_matching import EVERYTHING, WRITES
from tests.support.faults_requests import Delay, Reset


@asynccontextmanager
async def api_server_away(world: World) -> AsyncIterator[None]:
    """Have no API server for the length of the block."""
    server = world.cluster.server
    if isinstance(server, ControlPlane):
        await server.apiserver.kill()
        try:
            yield
        finally:
            await server.apiserver.start()
        return
    with world.proxy.faults.active(Rule(on=EVERYTHING, do=Reset())):
        world.proxy.reset_connections()
        yield


async def restart_api_server(world: World) -> None:
    """Have every connection break, and the server know what it knew."""
    server = world.cluster.server
    if isinstance(server, ControlPlane):
        await server.restart_apiserver()
    elif isinstance(server, DevCluster):
        server.end_watches()
    world.proxy.reset_connections()


async def forget_the_past(world: World) -> None:
    """Have the server answer 410 to every version it told of so far."""
    match world.cluster.server:
        case ControlPlane() as plane:
            await plane.compact()
            # Until then it answers from what it remembers itself.
            await plane.restart_apiserver()
        case DevCluster() as dev:
            dev.compact()
            dev.end_watches()
        case None:
            pytest.skip("this API server is not in our hands: it forgets when it will")


@asynccontextmanager
async def slow_storage(world: World, seconds: float) -> AsyncIterator[None]:
    """Have everything that is written within the block wait for `seconds`.

    A real etcd is frozen for as long, once; the block goes on meanwhile.
    """
    server = world.cluster.server
    if isinstance(server, ControlPlane):
        server.etcd.suspend()
        async with asyncio.TaskGroup() as group:
            group.create_task(_resume_after(server, seconds))
            yield
        return
    with world.proxy.faults.active(Rule(on=WRITES, do=Delay(seconds))):
        yield


async def _resume_after(plane: ControlPlane, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    finally:
        plane.etcd.resume()
