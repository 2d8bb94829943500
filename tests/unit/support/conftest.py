"""A proxy between an in-process client and an in-process server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.support.proxy import RecordingProxy
from tests.support.tls import Authority
from tests.unit.support.backends import Backend, connected


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend, authority = Backend(), Authority()
    server = web.Server(backend.handle, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server_context())
    await site.start()
    backend.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    backend.ca_pem = authority.ca_pem
    yield backend
    await runner.cleanup()


@pytest.fixture
async def proxy(backend: Backend) -> AsyncIterator[RecordingProxy]:
    async with RecordingProxy.start(backend.url, backend.ca_pem) as proxy:
        yield proxy


@pytest.fixture
async def client(proxy: RecordingProxy) -> AsyncIterator[aiohttp.ClientSession]:
    async with connected(proxy) as client:
        yield client
