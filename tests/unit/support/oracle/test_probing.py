"""What processes say of their readiness, as the prober sees it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.support.conditions import eventually
from tests.support.oracle.probing import Prober
from tests.support.processes import free_port
from tests.support.tls import LOOPBACK


@pytest.mark.parametrize("status", [200, 503])
async def test_ready_is_who_answers_that_all_is_well(status: int) -> None:
    async def readyz(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    runner = web.ServerRunner(web.Server(readyz, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()

    said = await probed(f"http://{LOOPBACK}:{runner.addresses[0][1]}/readyz")
    await runner.cleanup()

    assert said is (status == 200)


async def test_who_does_not_answer_is_not_ready() -> None:
    assert not await probed(f"http://{LOOPBACK}:{free_port()}/readyz")


async def probed(url: str) -> bool:
    """Return what the prober makes of the first answer from `url`."""
    prober = Prober(clock=asyncio.get_running_loop().time)

    async def seen() -> None:
        assert prober.seen

    async with prober.probing("one", url):
        await eventually(seen, within=5)
    return prober.seen[0].ready
