"""The cluster: the one place that builds its parts and owns their lives.

    async with DevCluster.start() as cluster:
        ...  # cluster.url, cluster.ca_pem, cluster.admin_token, cluster.kubeconfig()

It lives on the caller's event loop, keeps everything in memory and is gone afterwards.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
import yaml
from aiohttp import web

from devcluster.access.identity import Identities
from devcluster.access.rbac import Authorizer
from devcluster.clock import Outside
from devcluster.control.definitions import DefinitionController
from devcluster.control.garbage import GarbageCollector
from devcluster.control.loop import ControlLoop
from devcluster.control.namespaces import NamespaceController
from devcluster.http.calls import Backend
from devcluster.http.server import ApiServer
from devcluster.kinds.builtins import BUILTINS, BY_KIND
from devcluster.kinds.catalog import Catalog
from devcluster.registry.registry import Registry
from devcluster.storage.store import Store

HOST = "127.0.0.1"
_NAME = "devcluster"
_TOKEN_BITS = 192
_SHUTDOWN_SECONDS = 2.0  # for answers under way; watches are ended before


@dataclass(frozen=True, slots=True, kw_only=True)
class DevCluster:
    """A running API server and its controllers."""

    url: str
    ca_pem: str
    admin_token: str = field(repr=False)
    _store: Store = field(default_factory=Store, repr=False)

    @classmethod
    @asynccontextmanager
    async def start(cls, *, port: int = 0) -> AsyncIterator[DevCluster]:
        """Run a cluster for the length of the `async with` block.

        `port` 0 takes a free one. Raises OSError when the port is taken.
        """
        outside, authority = Outside(), trustme.CA()
        with socket.create_server((HOST, port)) as listener:
            cluster = cls(
                url=f"https://{HOST}:{listener.getsockname()[1]}",
                ca_pem=authority.cert_pem.bytes().decode(),
                admin_token=f"{outside.random.getrandbits(_TOKEN_BITS):048x}",
            )
            loop, server = cluster._build(outside)
            serving = _serving(server, listener, authority)
            async with serving, asyncio.TaskGroup() as group:
                controllers = group.create_task(loop.run(), name="controllers")
                try:
                    yield cluster
                finally:
                    cluster.end_watches()
                    controllers.cancel()

    def kubeconfig(self) -> str:
        """Return a kubeconfig for the administrator."""
        authority = base64.b64encode(self.ca_pem.encode()).decode()
        cluster = {"server": self.url, "certificate-authority-data": authority}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": _NAME, "cluster": cluster}],
            "users": [{"name": _NAME, "user": {"token": self.admin_token}}],
            "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
            "current-context": _NAME,
        }
        return yaml.safe_dump(document, sort_keys=False)

    def compact(self) -> None:
        """Forget the history, so that older resourceVersions are answered with 410."""
        self._store.compact()

    def end_watches(self) -> None:
        """End every watch, as a server that restarts does."""
        self._store.close()

    def _build(self, outside: Outside) -> tuple[ControlLoop, ApiServer]:
        """Wire the parts and create what every cluster has."""
        store, token = self._store, self.admin_token
        registry = Registry(store=store, catalog=Catalog(BUILTINS), outside=outside)
        controllers = (
            DefinitionController(registry=registry).handle,
            NamespaceController(registry=registry, ca_pem=self.ca_pem).handle,
            GarbageCollector(registry=registry).handle,
        )
        loop = ControlLoop(store=store, controllers=controllers)
        identities = Identities(
            issuer=self.url, admin_token=token, store=store, outside=outside
        )
        backend = Backend(registry, identities, Authorizer(store))
        bootstrap = Path(__file__).with_name("bootstrap.yaml").read_text()
        for value in yaml.safe_load_all(bootstrap):
            registry.create(BY_KIND[value["kind"]], "", value)
        loop.settle()
        return loop, ApiServer(backend)


@asynccontextmanager
async def _serving(
    server: ApiServer, listener: socket.socket, authority: trustme.CA
) -> AsyncIterator[None]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost").configure_cert(tls)
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        handler_cancellation=True,  # a watch ends when its client leaves
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()
