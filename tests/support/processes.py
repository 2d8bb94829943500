"""Servers as subprocesses that never outlive the test that needed them.

A `ServerProcess` runs in a session and process group of its own, so that a Ctrl-C
reaches the test and not the server; signals go to the whole group. Where the
system has `setpriv`, the kernel kills the server when this process dies of
something no `finally` sees (SIGKILL, a crash).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tests.support.conditions import eventually
from tests.support.readiness import Probe
from tests.support.tls import LOOPBACK

_PORT_ATTEMPTS = 5
_TAIL_LINES = 20


class StartFailed(Exception):
    """A server ended early, or was not ready in time. Carries the end of its log."""


class PortTaken(StartFailed):
    """Another process took the port between our choice and the server's bind."""


class ServerProcess:
    """One server that can be started, stopped, killed, suspended and restarted.

    `endpoint` is the URL at which clients reach it and stays the same through
    restarts; `log` is appended to. `env` None inherits the environment.
    `patience` and `grace` are seconds: to become ready, and to end after SIGTERM.
    """

    def __init__(
        self,
        *,
        name: str,
        argv: Sequence[str | Path],
        endpoint: str,
        ready: Probe,
        log: Path,
        env: Mapping[str, str] | None = None,
        patience: float = 30.0,
        grace: float = 10.0,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.log = log
        self._argv = tuple(map(str, argv))
        self._ready = ready
        self._env = env
        self._patience = patience
        self._grace = grace
        self._process: asyncio.subprocess.Process | None = None
        self._exit_code: int | None = None
        self._log_start = 0  # bytes in the log when the present run began

    @property
    def is_running(self) -> bool:
        """Whether the process exists; a suspended one does."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group too. Raises when stopped."""
        if self._process is None:
            raise ProcessLookupError(f"{self.name} is not running")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the last run ended, negative for a signal. None before it has."""
        return self._exit_code

    async def start(self) -> None:
        """Spawn the server and wait until it is ready.

        Raises StartFailed when it is not; then, and when cancelled, nothing of it
        stays behind.
        """
        if self.is_running:
            raise RuntimeError(f"{self.name} is running already")
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.kill)
            try:
                self._process = await self._spawn()
            except OSError as error:
                raise StartFailed(self._describe(str(error))) from error
            await self._wait_ready()
            undo.pop_all()

    async def stop(self) -> None:
        """End the server as its platform would: SIGTERM, `grace` seconds, SIGKILL."""
        if self._process is None:
            return
        self.send_signal(signal.SIGTERM)
        self.resume()  # a suspended process would keep the SIGTERM for later
        try:
            async with asyncio.timeout(self._grace):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End the server and its children with SIGKILL, and wait for its end."""
        process = self._process
        if process is None:
            return
        # The group may outlive its leader. Its id is not given to a new process
        # while it has members, and ids are handed out in turn.
        self.send_signal(signal.SIGKILL)
        self._exit_code = await process.wait()
        self._process = None

    async def restart(self) -> None:
        """Stop the server and start it again on the same endpoint."""
        await self.stop()
        await self.start()

    def suspend(self) -> None:
        """Freeze the server: connections stay open and nothing is answered."""
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended server go on."""
        self.send_signal(signal.SIGCONT)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and its children. Raises when stopped."""
        group = self.pid
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(group, number)

    async def wait_ended(self) -> None:
        """Wait until the server ends by itself."""
        if self._process is not None:
            await self._process.wait()
            await self.kill()  # its children

    def log_tail(self) -> str:
        """Return the last lines the server wrote since it was started last."""
        run = self.log.read_bytes()[self._log_start :]
        lines = run.decode(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    async def _spawn(self) -> asyncio.subprocess.Process:
        _heed_interrupts()
        with self._open_log() as log:
            self._log_start = log.tell()
            return await asyncio.create_subprocess_exec(
                *_tied_to_this_process(self._argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )

    def _open_log(self) -> BinaryIO:
        return self.log.open("ab")

    async def _wait_ready(self) -> None:
        try:
            await eventually(self._check_ready, within=self._patience)
        except AssertionError as error:
            raise StartFailed(self._describe(str(error))) from error

    async def _check_ready(self) -> None:
        self._check_alive()
        await self._ready()
        # Whoever has taken our port may have answered.
        self._check_alive()

    def _check_alive(self) -> None:
        if self.is_running:
            return
        code = None if self._process is None else self._process.returncode
        failure = (
            PortTaken if "address already in use" in self.log_tail() else StartFailed
        )
        raise failure(self._describe(f"it ended with {code}"))

    def _describe(self, what: str) -> str:
        return f"{self.name} did not start: {what}\n{self.log_tail()}"


@asynccontextmanager
async def running(build: Callable[[], ServerProcess]) -> AsyncIterator[ServerProcess]:
    """Run the server that `build` makes with free ports of its choice.

    When one of the ports was taken meanwhile, `build` is asked again.
    """
    process = await _start_on_free_ports(build)
    try:
        yield process
    finally:
        await process.stop()


async def _start_on_free_ports(build: Callable[[], ServerProcess]) -> ServerProcess:
    for _ in range(_PORT_ATTEMPTS - 1):
        process = build()
        with suppress(PortTaken):
            await process.start()
            return process
    process = build()
    await process.start()
    return process


def _heed_interrupts() -> None:
    """See to it that what this process starts can be interrupted.

    What a shell without job control runs in its background ignores SIGINT, and so do
    its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def free_port() -> int:
    """Return a port of loopback that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def _tied_to_this_process(argv: Sequence[str]) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return tuple(argv)
    return (setpriv, "--pdeathsig", "KILL", "--", *argv)
