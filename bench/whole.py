"""The whole program, as a process, over the loaded cluster: at work and at rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.course import fill
from bench.resources import MOUNT
from bench.site import Site
from tests.support.components import kubeconfig
from tests.support.proxy import RecordingProxy
from tests.support.requestlog import Exchange, to_resource
from tests.support.stage import controller_in

CALM = 5.0
"""Seconds without a read of Vault or a write, after which nothing more is due."""
_NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Requests:
    """What a filling asked of others."""

    to_vault: int
    answers_about_secrets: int
    """Bytes of all answers to requests for Secrets."""


@dataclass(frozen=True, slots=True)
class Restart:
    """What a process asked for that found everything in step."""

    vault_reads: int
    writes: int
    """To the API server, but for the lease."""


@asynccontextmanager
async def observed(site: Site) -> AsyncIterator[tuple[RecordingProxy, Path]]:
    """Put a recorder before the cluster; yield it with a kubeconfig that uses it."""
    cluster = site.cluster
    async with RecordingProxy.start(cluster.url, cluster.ca_pem) as proxy:
        config = site.folder / "observed.kubeconfig"
        config.write_text(kubeconfig(proxy.url, proxy.ca_pem, site.admin_token))
        yield proxy, config


async def requests_of_filling(site: Site) -> Requests:
    """Fill the stores once, and count what was asked for."""
    before = len(site.vault.requests)
    async with observed(site) as (proxy, config):
        await fill(site, config)
        secrets = proxy.recorder.requests.where(to_resource("secrets"))
    return Requests(
        to_vault=len(site.vault.requests) - before,
        answers_about_secrets=sum(each.answer_body.size for each in secrets),
    )


async def settle(site: Site) -> None:
    """Let the program bring every resource in step."""
    async with (
        observed(site) as (proxy, config),
        controller_in(site.folder, config),
    ):
        await _calm(lambda: _asked(site, proxy))


async def restart(site: Site, *, idle: float) -> tuple[Restart, float]:
    """Start the program where all is in step.

    Return what it asked for, and the share of a core it takes when it is calm: the
    mean of `idle` seconds.
    """
    before = _reads(site)
    async with (
        observed(site) as (proxy, config),
        controller_in(site.folder, config) as process,
    ):
        await _calm(lambda: _asked(site, proxy))
        told = Restart(_reads(site) - before, _writes(proxy))
        used = _cpu_of(process.pid)
        await asyncio.sleep(idle)
        return told, (_cpu_of(process.pid) - used) / idle


async def _calm(asked: Callable[[], int]) -> None:
    """Wait until nothing was asked for during `CALM` seconds."""
    last = -1
    while (now := asked()) != last:
        last = now
        await asyncio.sleep(CALM)


def _asked(site: Site, proxy: RecordingProxy) -> int:
    return len(site.vault.requests) + _writes(proxy)


def _reads(site: Site) -> int:
    """Return how often an entry was read: looks at its health are none."""
    return sum(each.path.startswith(f"{MOUNT}/") for each in site.vault.requests)


def _writes(proxy: RecordingProxy) -> int:
    def counts(exchange: Exchange) -> bool:
        path = exchange.head.path
        return "/leases" not in path and not path.endswith("/token")

    return len(proxy.recorder.requests.writes().where(counts))


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds of all threads of a process; Linux alone tells."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(_nanoseconds(task) for task in tasks) / _NANOSECONDS


def _nanoseconds(task: Path) -> int:
    return int((task / "schedstat").read_text().split()[0])
