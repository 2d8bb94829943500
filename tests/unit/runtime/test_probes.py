from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.support.processes import free_port
from vso_controller.runtime.probes import (
    AddressUnusable,
    metrics_route,
    probe_routes,
    serving,
)

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def probes(missing: list[str]) -> AsyncIterator[str]:
    """Serve the probes of a process that lacks what `missing` names."""
    routes = probe_routes(is_alive=lambda: True, not_ready=lambda: missing)
    async with serving(LOOPBACK, 0, routes) as port:
        yield f"http://{LOOPBACK}:{port}"


async def ask(url: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Type"]


async def test_process_that_is_ready_says_so() -> None:
    async with probes([]) as url:
        assert (await ask(f"{url}/readyz"))[:2] == (200, "ok\n")


async def test_process_that_is_not_ready_is_alive_and_says_what_it_lacks() -> None:
    missing = ["secrets have not been listed yet", "the queue is wedged"]

    async with probes(missing) as url:
        status, text, _ = await ask(f"{url}/readyz")
        assert status == 503
        assert text == "secrets have not been listed yet\nthe queue is wedged\n"
        assert (await ask(f"{url}/healthz"))[:2] == (200, "ok\n")

        missing.clear()
        assert (await ask(f"{url}/readyz"))[:2] == (200, "ok\n")


async def test_process_without_a_heartbeat_is_not_alive() -> None:
    routes = probe_routes(is_alive=lambda: False, not_ready=list)

    async with serving(LOOPBACK, 0, routes) as port:
        status, text, _ = await ask(f"http://{LOOPBACK}:{port}/healthz")

    assert (status, text) == (503, "the heartbeat of the event loop has ended\n")


async def test_answer_that_nobody_waits_for_does_not_hold_up_the_end() -> None:
    asked = asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        async with serving(LOOPBACK, 0, [web.get("/", never)]) as port:
            request = group.create_task(http.get(f"http://{LOOPBACK}:{port}/"))
            await asked.wait()
            ended = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - ended
        request.cancel()

    assert took < 30


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    route = metrics_route("grün 1\n".encode)

    async with serving(LOOPBACK, 0, [route]) as port:
        status, text, kind = await ask(f"http://{LOOPBACK}:{port}/metrics")

    assert (status, text) == (200, "grün 1\n")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"


async def test_anything_else_is_not_served() -> None:
    async with probes([]) as url:
        assert (await ask(f"{url}/metrics"))[0] == 404


async def test_empty_host_means_every_address() -> None:
    routes = probe_routes(is_alive=lambda: True, not_ready=list)
    async with serving("", free_port(), routes) as port:
        assert (await ask(f"http://{LOOPBACK}:{port}/healthz"))[0] == 200


async def test_address_that_is_taken_is_told() -> None:
    async with serving(LOOPBACK, 0, []) as port:
        with pytest.raises(AddressUnusable, match=f"cannot listen on {LOOPBACK}:"):
            async with serving(LOOPBACK, port, []):
                pass


async def test_address_is_free_again_after_the_block() -> None:
    async with serving(LOOPBACK, 0, []) as port:
        pass

    async with serving(LOOPBACK, port, []) as again:
        assert again == port
