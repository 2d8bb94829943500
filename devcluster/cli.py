"""`python -m devcluster`: a cluster until somebody stops it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devcluster.cluster import DevCluster


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a cluster; return the exit code once SIGINT or SIGTERM has ended it."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(port=options.port, kubeconfig=options.kubeconfig))
    except (OSError, OverflowError) as error:  # the port is taken, or is none
        sys.stderr.write(f"devcluster: {error}\n")
        return 1
    return 0


async def _run(*, port: int, kubeconfig: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with DevCluster.start(port=port) as cluster:
        _write_private(kubeconfig, cluster.kubeconfig())
        sys.stdout.write(f"devcluster is ready at {cluster.url}, use {kubeconfig}\n")
        sys.stdout.flush()
        await stop.wait()


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(temporary).replace(path)


def _parser() -> argparse.ArgumentParser:
    told = "An in-memory Kubernetes API server for demos and tests."
    parser = argparse.ArgumentParser(prog="devcluster", description=told)
    told = "where to write the administrator's kubeconfig when the server is ready"
    parser.add_argument("--kubeconfig", type=Path, required=True, help=told)
    told = "port on 127.0.0.1; 0 takes a free one"
    parser.add_argument("--port", type=int, default=0, help=told)
    return parser
