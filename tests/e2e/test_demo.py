"""The demo, as a new user runs it. It brings its own servers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        os.environ.get("CLUSTER", "embedded") != "embedded",
        reason="the demo always runs on devcluster",
    ),
]


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", *arguments),
        cwd=ROOT,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )


async def read_until(demo: Process, sentence: str) -> str:
    assert demo.stdout is not None
    told = ""
    async for line in demo.stdout:
        told += line.decode()
        if sentence in told:
            return told
    raise AssertionError(f"the demo ended before {sentence!r}:\n{told}")


def descendants(pid: int) -> set[int]:
    """Return the processes that `pid` started, and those that they started."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found


def still_running(processes: set[int]) -> set[int]:
    return {pid for pid in processes if Path(f"/proc/{pid}").exists()}


async def test_demo_shows_a_secret_and_its_update() -> None:
    demo = await start()
    told = await read_until(demo, "Changing the password")
    servers = descendants(demo.pid)

    told += (await demo.communicate())[0].decode()

    assert demo.returncode == 0, told
    assert "database-secret  password   ************** (14 bytes)" in told
    assert "database-secret  password   **************** (16 bytes)" in told
    assert "settings         theme" in told
    assert "the Secret followed after" in told
    assert "first password" not in told
    assert len(servers) >= 3
    assert still_running(servers) == set()


async def test_interrupted_demo_stops_everything() -> None:
    demo = await start()
    await read_until(demo, "Waiting until the resources are ready")
    servers = descendants(demo.pid)

    demo.send_signal(signal.SIGINT)
    told = (await demo.communicate())[0].decode()

    assert demo.returncode == 130
    assert "everything was stopped" in told
    assert "Traceback" not in told
    assert len(servers) >= 3
    assert still_running(servers) == set()


async def test_demo_that_is_kept_says_how_to_use_it() -> None:
    demo = await start("--keep")
    told = await read_until(demo, "tail -f build/demo/controller.log")
    servers = descendants(demo.pid)

    demo.send_signal(signal.SIGTERM)
    await demo.communicate()

    assert "export KUBECONFIG=$PWD/build/demo/kubeconfig" in told
    assert demo.returncode == 0
    assert still_running(servers) == set()
