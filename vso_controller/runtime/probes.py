"""What the process says of itself over HTTP: probes and metrics.

`/healthz` answers while the event loop turns and its heartbeat goes on, `/readyz`
names what is not ready, `/metrics` prints the metrics. A fault of Vault's fails
neither probe: to restart this process would not mend it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from vso_controller.foundation.errors import Invalid

NotReady = Callable[[], Iterable[str]]
"""Names what is not ready, a sentence each; nothing when all is."""

Alive = Callable[[], bool]
"""Whether the heartbeat of the event loop goes on."""

_LONGEST_GOODBYE = 0.25
"""Seconds that an answer under way may hold up the end of the process, twice."""
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AddressUnusable(Invalid):
    """Nothing can listen on that address."""


def probe_routes(*, is_alive: Alive, not_ready: NotReady) -> list[web.RouteDef]:
    """Return the routes of the two probes."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(
            [] if is_alive() else ["the heartbeat of the event loop has ended"]
        )

    async def readyz(_: web.Request) -> web.Response:
        return _answer(list(not_ready()))

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


def _answer(problems: Sequence[str]) -> web.Response:
    if not problems:
        return web.Response(text="ok\n")
    text = "".join(f"{sentence}\n" for sentence in problems)
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=text)


def metrics_route(latest: Callable[[], bytes]) -> web.RouteDef:
    """Return the route on which `latest`, Prometheus' text format, is read."""

    async def metrics(_: web.Request) -> web.Response:
        headers = {"Content-Type": _METRICS_TYPE}
        return web.Response(body=latest(), headers=headers)

    return web.get("/metrics", metrics)


@asynccontextmanager
async def serving(
    host: str, port: int, routes: Iterable[web.RouteDef]
) -> AsyncIterator[int]:
    """Serve `routes` for the length of the block; yield the port.

    An empty host means all of this machine's addresses. With a host, port 0 means
    any free port. Raises AddressUnusable.
    """
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=_LONGEST_GOODBYE
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host or None, port)
        try:
            await site.start()
        except OSError as error:
            raise AddressUnusable(f"cannot listen on {host}:{port}: {error}") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
