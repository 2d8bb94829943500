"""The servers of a measurement: a Vault, and a loaded cluster as a process."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.resources import (
    MOUNT,
    change,
    path,
    resource,
    stranger,
    surroundings,
    synced_status,
)
from tests.e2e.admin import Admin
from tests.support.scriptedvault.messages import Asked, Said
from tests.support.scriptedvault.server import ScriptedVault
from tests.support.scriptedvault.tokens import Tokens, login_reply
from tests.support.stage import Cluster, cluster_in

ROOT = Path(__file__).parents[1]
_AT_ONCE = 8  # requests
_DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster with `resources` of ours and `strangers`, Secrets that are not."""

    cluster: Cluster
    vault: ScriptedVault
    folder: Path
    resources: int
    strangers: int
    admin: Admin
    admin_token: str = field(repr=False)

    async def change_all(self, version: int) -> None:
        """Give each resource the `version`-th version of its spec."""
        await _each(
            self.resources,
            lambda number: self.admin.patch(resource(number), change(version)),
        )

    async def load(self) -> None:
        """Store everything."""
        await self.admin.apply_files(ROOT / "crds", ROOT / "deploy" / "rbac")
        for manifest in surroundings(self.vault.address):
            await self.admin.apply(manifest)
        await _each(self.resources, self._load_resource)
        await _each(self.strangers, lambda number: self.admin.create(stranger(number)))

    async def _load_resource(self, number: int) -> None:
        manifest = resource(number)
        await self.admin.create(manifest)
        await self.admin.patch(manifest, synced_status(), subresource="status")
        value = base64.b64encode(path(number).encode()).decode()
        self.vault.kv.put(MOUNT, path(number), {"password": value})


@asynccontextmanager
async def loaded_site(
    folder: Path, *, resources: int, strangers: int
) -> AsyncIterator[Site]:
    """Run the servers for the length of the block. Their logs are in `folder`."""
    async with AsyncExitStack() as stack:
        run = stack.enter_async_context
        vault = await run(ScriptedVault.start())
        vault.kv.mount(MOUNT)
        vault.script(KubernetesLogin(vault.tokens))
        cluster = await run(cluster_in(folder))
        document = yaml.safe_load(cluster.kubeconfig.read_text())
        token = document["users"][0]["user"]["token"]
        admin = await run(
            Admin.connect(cluster.url, ca_pem=cluster.ca_pem, token=token)
        )
        site = Site(
            cluster=cluster,
            vault=vault,
            folder=folder,
            resources=resources,
            strangers=strangers,
            admin=admin,
            admin_token=token,
        )
        await site.load()
        yield site


class KubernetesLogin:
    """Lets everybody in: who logs in is not what is measured."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def __call__(self, asked: Asked) -> Said | None:
        """Answer a login of the method `kubernetes`."""
        if asked.path != "auth/kubernetes/login":
            return None
        return login_reply(self._tokens.issue(policies=("app",), ttl=_DAY))


async def _each(number: int, work: Callable[[int], Awaitable[object]]) -> None:
    """Do `work` for each of so many numbers, some at once."""
    numbers = iter(range(number))

    async def worker() -> None:
        for each in numbers:
            await work(each)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())
