"""A process dies at the request that was chosen for it, and at no other."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.conditions import eventually
from tests.support.crashpoints import Freeze, Kill, Moment
from tests.support.faults import Rule
from tests.support.faults_matching import Nth
from tests.support.processes import ServerProcess
from tests.support.proxy import RecordingProxy
from tests.unit.support.backends import Backend

BODY = b"question"


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A process in whose place the test makes the requests."""

    async def at_once() -> None:
        pass

    process = ServerProcess(
        name="victim",
        argv=("sleep", "1000"),
        endpoint="http://127.0.0.1",
        ready=at_once,
        log=tmp_path / "victim.log",
    )
    await process.start()
    yield process
    await process.kill()


@pytest.mark.parametrize("moment", Moment)
async def test_process_dies_at_its_second_request(
    moment: Moment,
    victim: ServerProcess,
    backend: Backend,
    proxy: RecordingProxy,
    client: aiohttp.ClientSession,
) -> None:
    kill = Kill(victim, at=moment)
    with proxy.faults.active(Rule(do=kill, when=Nth(2))):
        async with client.post(proxy.url, data=BODY):
            assert victim.is_running
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.post(proxy.url, data=BODY)
        await kill.wait_dead()

    assert victim.exit_code == -signal.SIGKILL
    forwarded = moment is Moment.BEFORE_ANSWER
    assert len(backend.bodies) == 1 + forwarded
    assert proxy.recorder.requests[-1].was_forwarded is forwarded


async def test_process_that_makes_too_few_requests_lives(
    victim: ServerProcess, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    rule = Rule(do=Kill(victim, at=Moment.BEFORE_ANSWER), when=Nth(2))
    with proxy.faults.active(rule):
        async with client.post(proxy.url, data=BODY):
            pass

    assert victim.is_running
    assert rule.fired == 0


async def test_process_that_is_gone_already_is_no_error(
    victim: ServerProcess, proxy: RecordingProxy, client: aiohttp.ClientSession
) -> None:
    await victim.kill()
    kill = Kill(victim, at=Moment.BEFORE_ANSWER)

    with proxy.faults.active(Rule(do=kill)):
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(proxy.url)
        await kill.wait_dead()


async def test_process_freezes_before_the_answer_to_its_request(
    victim: ServerProcess,
    backend: Backend,
    proxy: RecordingProxy,
    client: aiohttp.ClientSession,
) -> None:
    freeze = Freeze(victim)
    with proxy.faults.active(Rule(do=freeze, when=Nth(1))):
        async with client.post(proxy.url, data=BODY) as answer:
            await freeze.wait_frozen()

    assert answer.status == 201
    await eventually(lambda: is_stopped(victim), within=5)
    assert backend.bodies == [BODY]


async def is_stopped(process: ServerProcess) -> None:
    """Assert that Linux says so, which takes it a moment after the signal."""
    assert state_of(process) == "T"


def state_of(process: ServerProcess) -> str:
    """Return the letter with which Linux tells what a process is doing."""
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]
