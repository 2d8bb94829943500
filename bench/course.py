"""One run of a measured process through all stages."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from bench.site import ROOT, Site
from bench.stages import Stage, Told, parse

OURS = (sys.executable, "-m", "bench.ours")
_VERSIONS = count(1)
_LONGEST_QUOTE = 2000  # characters

Course = Mapping[Stage, Told]
"""What a process told of each stage."""


class CourseBroken(Exception):
    """The measured process ended early. The message is the end of what it wrote."""


def peer(python: str) -> tuple[str, ...]:
    """Return the command of the peer, for the interpreter that has its packages."""
    return (python, "-m", "bench.peer")


async def run_course(site: Site, command: Sequence[str]) -> Course:
    """Take a process through all stages. Raises CourseBroken."""
    config = str(site.cluster.kubeconfig)
    log = site.folder / "course.log"
    arguments = (*command, config, str(site.resources))
    async with _process(arguments, log) as process:
        filled, ready = await _told(process, log), await _told(process, log)
        process.send_signal(signal.SIGSTOP)
        try:
            await site.change_all(next(_VERSIONS))
        finally:
            process.send_signal(signal.SIGCONT)
        burst = await _told(process, log)
        await site.change_all(next(_VERSIONS))
        trickle = await _told(process, log)
    return {told.stage: told for told in (filled, ready, burst, trickle)}


async def fill(site: Site, kubeconfig: Path) -> Told:
    """Have our process fill its stores through `kubeconfig`, and no more."""
    log = site.folder / "fill.log"
    arguments = (*OURS, str(kubeconfig), str(site.resources))
    async with _process(arguments, log) as process:
        return await _told(process, log)


@asynccontextmanager
async def _process(command: Sequence[str], log: Path) -> AsyncIterator[Process]:
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _told(process: Process, log: Path) -> Told:
    if process.stdout is None:
        raise CourseBroken("it has no output")
    line = await process.stdout.readline()
    if not line:
        written = await asyncio.to_thread(log.read_text, errors="replace")
        raise CourseBroken(written[-_LONGEST_QUOTE:])
    return parse(line.decode())
