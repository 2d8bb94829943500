"""One cluster, one Vault and one controller for all stories of a run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.clusters import Cluster, cluster_named
from tests.e2e.team import Team
from tests.e2e.world import Controller, World, world_on


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster() -> AsyncIterator[Cluster]:
    async with cluster_named(os.environ.get("CLUSTER", "embedded")) as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(cluster: Cluster) -> AsyncIterator[World]:
    async with world_on(cluster) as prepared:
        yield prepared
        report = await prepared.report()
    report.check()  # on all that any story did: a breach fails the run


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def controller(world: World) -> AsyncIterator[Controller]:
    async with world.controller() as replica:
        yield replica


@pytest_asyncio.fixture(loop_scope="session")
async def team(
    world: World,
    controller: Controller,  # noqa: ARG001 - it has to run
) -> AsyncIterator[Team]:
    team = await world.team()
    yield team
    await team.end()


@pytest_asyncio.fixture(loop_scope="session")
async def alone(world: World, controller: Controller) -> AsyncIterator[World]:
    """The world without the controller that all other stories share."""
    await controller.process.stop()
    yield world
    await controller.process.start()
