from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.kube.servers import ScriptedServer, scripted_server
from tests.unit.kube.worlds import settings
from vso_controller.kube.session import ApiSession, open_session


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as running:
        yield running


@pytest.fixture
async def session(server: ScriptedServer) -> AsyncIterator[ApiSession]:
    async with open_session(settings=settings(server.url)) as opened:
        yield opened
