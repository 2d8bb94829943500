from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

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
    async with serving(LOOPBACK, 0, probe_routes(lambda: missing)) as port:
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
    async with serving("", free_port(), probe_routes(list)) as port:
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
