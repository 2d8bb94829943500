"""The command line: ready when it says so, gone without a trace of trouble."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import yaml

from devcluster.cluster import HOST, DevCluster
from tests.support.kubeapi import KubeApi

Process = asyncio.subprocess.Process


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "devcluster",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_command_runs_until_it_is_stopped(
    tmp_path: Path, number: signal.Signals
) -> None:
    kubeconfig = tmp_path / "config"

    async with running("--kubeconfig", str(kubeconfig)) as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        config = yaml.safe_load(kubeconfig.read_text())
        process.send_signal(number)
        _, errors = await process.communicate()

    assert config["clusters"][0]["cluster"]["server"] in line
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert (process.returncode, errors) == (0, b"")


async def test_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = str(other.getsockname()[1])
        arguments = ("--kubeconfig", str(tmp_path / "config"), "--port", port)
        async with running(*arguments) as process:
            _, errors = await process.communicate()

    assert process.returncode == 1
    assert errors.startswith(b"devcluster: ")
    assert not (tmp_path / "config").exists()


async def test_cluster_ends_while_it_is_watched() -> None:
    path = "/api/v1/namespaces/default/configmaps"
    async with AsyncExitStack() as clients:
        async with DevCluster.start() as cluster:
            api = await clients.enter_async_context(
                KubeApi.connect(
                    url=cluster.url, ca_pem=cluster.ca_pem, token=cluster.admin_token
                )
            )
            since = (await api.get(path)).metadata["resourceVersion"]
            watch = await clients.enter_async_context(
                api.watch(path, resourceVersion=since)
            )

        assert await watch.next() is None
