"""A real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager.

The binaries come from a folder that `KUBEBUILDER_ASSETS` names, the convention of
envtest. There are no nodes: Pods stay Pending, everything above them works.
Clients verify the server with `ca_pem`; RBAC is on. Each program can be stopped,
killed, suspended and restarted (`ServerProcess`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import components
from tests.support.conditions import eventually
from tests.support.controlplane_etcd import compact
from tests.support.controlplane_site import Site, User
from tests.support.processes import ServerProcess, running
from tests.support.readiness import answers

_FIRST_ACCOUNT_PATIENCE = 30.0  # seconds


def assets_from_environment() -> Path | None:
    """Return the folder `KUBEBUILDER_ASSETS` names; None where it is not set."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(folder).resolve() if folder else None


class ControlPlane:
    """A running control plane, each of its three processes under the test's hand."""

    def __init__(
        self,
        *,
        site: Site,
        etcd: ServerProcess,
        apiserver: ServerProcess,
        controller_manager: ServerProcess,
    ) -> None:
        self.etcd = etcd
        self.apiserver = apiserver
        self.controller_manager = controller_manager
        self.admin_token = site.admin.token
        self.version = site.version
        self._site = site

    @classmethod
    @asynccontextmanager
    async def start(
        cls, assets: Path, *, users: Sequence[User] = ()
    ) -> AsyncIterator[ControlPlane]:
        """Run the programs in `assets` for the length of the `async with` block.

        `users` have no rights of their own.
        """
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="controlplane-"))
            site = await components.prepare_site(assets, Path(folder))
            site.add_users(*users)
            run = stack.enter_async_context

            etcd = await run(running(partial(components.etcd, site)))
            build = partial(components.apiserver, site, etcd_url=etcd.endpoint)
            apiserver = await run(running(build))
            build = partial(
                components.controller_manager, site, apiserver_url=apiserver.endpoint
            )
            controller_manager = await run(running(build))

            plane = cls(
                site=site,
                etcd=etcd,
                apiserver=apiserver,
                controller_manager=controller_manager,
            )
            await plane.wait_controllers_work()
            yield plane

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return self.apiserver.endpoint

    @property
    def ca_pem(self) -> str:
        """What clients verify the API server with; `rotate_authority` changes it."""
        return self._site.ca_pem

    def kubeconfig(self, token: str) -> str:
        """Return the text of a kubeconfig for who holds `token`."""
        return components.kubeconfig(self.url, self.ca_pem, token)

    async def add_users(self, *users: User) -> None:
        """Let more users in. The API server is restarted for it."""
        self._site.add_users(*users)
        await self.restart_apiserver()

    async def compact(self) -> int:
        """Make etcd forget the past; return the oldest revision that is left.

        Every resourceVersion handed out so far is 410 for lists that ask for exactly
        it, and so is every continue token. Watches go on, and can be resumed, until the
        API server is restarted: it replays them from its own cache.
        """
        return await compact(self.etcd.endpoint)

    async def rotate_certificate(self) -> None:
        """Restart the API server with another certificate of the same CA."""
        self._site.renew_certificate()
        await self.restart_apiserver()

    async def rotate_authority(self) -> None:
        """Restart all with a certificate of another CA, which `ca_pem` is then.

        Who trusts the old one alone is shut out; tokens stay good.
        """
        self._site.renew_authority()
        components.write_controller_kubeconfig(self._site, apiserver_url=self.url)
        await self.restart_apiserver()
        await self.controller_manager.restart()

    async def restart_apiserver(self) -> None:
        """Kill the API server and start it again on the same endpoint."""
        # Asked to end, it would wait for the watches of the controller manager.
        await self.apiserver.kill()
        await self.apiserver.start()

    async def wait_controllers_work(self) -> None:
        """Wait until the controllers have made the first ServiceAccount."""
        account = f"{self.url}/api/v1/namespaces/default/serviceaccounts/default"
        await eventually(
            answers(account, ca_pem=self.ca_pem, token=self.admin_token),
            within=_FIRST_ACCOUNT_PATIENCE,
        )
