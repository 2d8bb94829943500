"""A real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager.

The binaries come from a folder that `KUBEBUILDER_ASSETS` names, the convention of
envtest. There are no nodes: Pods stay Pending, everything above them works.
Clients verify the server with `ca_pem`; RBAC is on.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import components
from tests.support.conditions import eventually
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
        site: components.Site,
        etcd: ServerProcess,
        apiserver: ServerProcess,
        controller_manager: ServerProcess,
    ) -> None:
        self.etcd = etcd
        self.apiserver = apiserver
        self.controller_manager = controller_manager
        self.ca_pem = site.ca_pem
        self.admin_token = site.admin_token
        self.version = site.version  # of Kubernetes, major and minor

    @classmethod
    @asynccontextmanager
    async def start(cls, assets: Path) -> AsyncIterator[ControlPlane]:
        """Run the programs in `assets` for the length of the `async with` block."""
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="controlplane-"))
            site = await components.prepare_site(assets, Path(folder))
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

    def kubeconfig(self, token: str) -> str:
        """Return the text of a kubeconfig for who holds `token`."""
        return components.kubeconfig(self.url, self.ca_pem, token)

    async def wait_controllers_work(self) -> None:
        """Wait until the controllers have made the first ServiceAccount."""
        account = f"{self.url}/api/v1/namespaces/default/serviceaccounts/default"
        await eventually(
            answers(account, ca_pem=self.ca_pem, token=self.admin_token),
            within=_FIRST_ACCOUNT_PATIENCE,
        )
