"""Subprocesses that never stay behind. The servers here are lines of shell."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.conditions import NotYet, eventually
from tests.support.processes import ServerProcess, StartFailed, free_port, running

REPOSITORY = Path(__file__).parents[3]
FOREVER = "exec sleep 1000"
EXITS_WITH_7 = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
IGNORES_SIGTERM = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


async def at_once() -> None:
    pass


async def never() -> None:
    raise NotYet("not ready")


class Shell:
    """Makes servers out of lines of shell, and ends what a test left of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: list[ServerProcess] = []

    def server(
        self, script: str, *, ready: bool = True, patience: float = 5.0
    ) -> ServerProcess:
        process = ServerProcess(
            name="shell",
            argv=("sh", "-c", script),
            endpoint="http://127.0.0.1",
            ready=at_once if ready else never,
            log=self.folder / "shell.log",
            patience=patience,
            grace=0.2 if script == IGNORES_SIGTERM else 5.0,
        )
        self._made.append(process)
        return process

    async def clean_up(self) -> None:
        for process in self._made:
            await process.kill()


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    await shell.clean_up()


@pytest.mark.parametrize("script", [FOREVER, IGNORES_SIGTERM], ids=["meek", "stubborn"])
async def test_a_stopped_server_is_gone(shell: Shell, script: str) -> None:
    server = shell.server(script)
    await server.start()
    pid = server.pid
    assert is_alive(pid)

    await server.stop()

    assert not server.is_running
    assert not is_alive(pid)


async def test_children_of_a_server_go_with_it(shell: Shell) -> None:
    note = shell.folder / "child"
    server = shell.server(f"sleep 1000 & echo $! >{note}; wait")
    await server.start()
    child = await eventually(lambda: read_pid(note), within=30)

    await server.stop()

    await eventually(lambda: check_gone(child), within=30)


async def test_a_server_that_ends_early_shows_its_log(shell: Shell) -> None:
    server = shell.server("echo no such storage; exit 3", ready=False)

    with pytest.raises(StartFailed, match=r"ended with 3\nno such storage"):
        await server.start()


async def test_a_program_that_is_missing_fails_to_start(tmp_path: Path) -> None:
    server = ServerProcess(
        name="nothing",
        argv=(tmp_path / "missing",),
        endpoint="http://127.0.0.1",
        ready=never,
        log=tmp_path / "log",
    )

    with pytest.raises(StartFailed, match="missing"):
        await server.start()


async def test_a_server_that_never_gets_ready_is_ended(shell: Shell) -> None:
    server = shell.server(f"echo $$; {FOREVER}", ready=False, patience=0.2)

    with pytest.raises(StartFailed, match="not ready"):
        await server.start()

    assert not server.is_running
    assert not is_alive(int(server.log_tail()))


async def test_a_cancelled_start_leaves_nothing_behind(shell: Shell) -> None:
    server = shell.server(f"echo $$; {FOREVER}", ready=False)
    starting = asyncio.ensure_future(server.start())
    pid = await eventually(lambda: read_pid(server.log), within=30)

    starting.cancel()
    await asyncio.wait([starting])

    assert starting.cancelled()
    assert not is_alive(pid)


async def test_a_suspended_server_stands_still_until_it_is_resumed(
    shell: Shell,
) -> None:
    server = shell.server(FOREVER)
    await server.start()

    server.suspend()
    assert await eventually(lambda: state_in(server.pid, "T"), within=30)

    server.resume()
    assert await eventually(lambda: state_in(server.pid, "SR"), within=30)


async def test_a_suspended_server_can_be_stopped(shell: Shell) -> None:
    server = shell.server(FOREVER)
    await server.start()
    pid = server.pid
    server.suspend()

    async with asyncio.timeout(30):
        await server.stop()

    assert not is_alive(pid)


async def test_a_restarted_server_is_another_process(shell: Shell) -> None:
    server = shell.server(FOREVER)
    await server.start()
    before = server.pid

    await server.restart()

    assert server.pid != before
    assert not is_alive(before)


async def test_signals_need_a_running_server(shell: Shell) -> None:
    server = shell.server(FOREVER)

    with pytest.raises(ProcessLookupError, match="shell is not running"):
        server.suspend()


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [
        pytest.param(EXITS_WITH_7, 7, id="own"),
        pytest.param(f"echo ready; {FOREVER}", -signal.SIGTERM, id="of a signal"),
        pytest.param(IGNORES_SIGTERM, -signal.SIGKILL, id="of the last resort"),
    ],
)
async def test_the_exit_code_tells_how_it_ended(
    shell: Shell, script: str, exit_code: int
) -> None:
    server = shell.server(script)
    await server.start()
    await eventually(lambda: check_written(server.log), within=30)
    assert server.exit_code is None

    await server.stop()

    assert server.exit_code == exit_code


async def test_an_end_that_nobody_asked_for_can_be_awaited(shell: Shell) -> None:
    server = shell.server("sleep 0.1; exit 3")
    await server.start()

    await server.wait_ended()

    assert (server.exit_code, server.is_running) == (3, False)


async def test_stopping_twice_is_stopping_once(shell: Shell) -> None:
    server = shell.server(FOREVER)
    await server.start()

    await server.stop()
    await server.stop()

    assert not server.is_running


async def test_a_taken_port_is_exchanged_for_another(shell: Shell) -> None:
    servers = [
        shell.server("echo bind: address already in use; exit 1", ready=False),
        shell.server(FOREVER),
    ]
    second = servers[1]

    async with running(lambda: servers.pop(0)) as server:
        assert server is second
        assert server.is_running

    assert not server.is_running


async def test_a_failing_test_ends_its_server(shell: Shell) -> None:
    pids: list[int] = []

    async def fail_while_running() -> None:
        async with running(lambda: shell.server(FOREVER)) as server:
            pids.append(server.pid)
            raise RuntimeError("the test failed")

    with pytest.raises(RuntimeError, match="the test failed"):
        await fail_while_running()

    assert not is_alive(pids[0])


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
async def test_a_server_dies_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    script = """
        import asyncio, sys
        from pathlib import Path
        from tests.support.conditions import eventually
        from tests.unit.support.test_processes import FOREVER, Shell, check_written

        async def main():
            server = Shell(Path(sys.argv[1])).server(f"echo ready; {FOREVER}")
            await server.start()
            await eventually(lambda: check_written(server.log), within=30)
            print(server.pid, flush=True)
            await asyncio.sleep(1000)

        asyncio.run(main())
    """
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(script),
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert run.stdout is not None
    pid = int(await run.stdout.readline())

    run.send_signal(signal.SIGKILL)
    await run.communicate()

    await eventually(lambda: check_gone(pid), within=30)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        assert listener.getsockname()[1]


def is_alive(pid: int) -> bool:
    return state_of(pid) not in {"Z", "X", ""}


def state_of(pid: int) -> str:
    """Return the letter that /proc has for a process, "" when there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return status.rpartition(")")[2].split()[0]


async def state_in(pid: int, letters: str) -> bool:
    state = state_of(pid)
    if state not in letters:
        raise NotYet(f"state {state}, not one of {letters}")
    return True


async def check_gone(pid: int) -> None:
    if is_alive(pid):
        raise NotYet(f"{pid} is {state_of(pid)}")


async def check_written(file: Path) -> None:
    if not content_of(file):
        raise NotYet(f"nothing in {file.name}")


async def read_pid(file: Path) -> int:
    text = content_of(file)
    if not text.endswith("\n"):
        raise NotYet(f"nothing in {file.name}")
    return int(text)


def content_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""
