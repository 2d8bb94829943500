"""One cluster, one Vault and one controller for all stories of a run.

They live on the loop of the session, and stand still while another runs: the proxies
answer nothing, so a controller loses its lease and what it sent before arrives after.
No test here may have a loop of its own, and the world ends with the last story.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.clusters import Cluster, cluster_named
from tests.e2e.team import Team
from tests.e2e.world import Controller, World, world_on

_STORIES = Path(__file__).parent


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse a story during which the world would stand still."""
    for item in items:
        if item.path.is_relative_to(_STORIES) and not _keeps_the_world_going(item):
            raise pytest.UsageError(f"{item.nodeid} needs loop_scope='session'")


def _keeps_the_world_going(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("asyncio")
    return marker is not None and marker.kwargs.get("loop_scope") == "session"


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def cluster() -> AsyncIterator[Cluster]:
    async with cluster_named(os.environ.get("CLUSTER", "embedded")) as found:
        yield found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def world(cluster: Cluster) -> AsyncIterator[World]:
    async with world_on(cluster) as prepared:
        yield prepared
        report = await prepared.report()
    report.check()  # on all that any story did: a breach fails the run


@pytest_asyncio.fixture(scope="package", loop_scope="session")
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
