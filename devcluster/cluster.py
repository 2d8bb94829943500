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
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random, SystemRandom

import trustme
import yaml
from aiohttp import web

from devcluster.access.bootstrap import bootstrap_objects
from devcluster.access.rbac import Authorizer
from devcluster.access.tokens import TokenIssuer
from devcluster.access.users import AccountUid, Authenticator
from devcluster.clock import Now
from devcluster.control.definitions import DefinitionController
from devcluster.control.garbage import GarbageCollector
from devcluster.control.loop import ControlLoop
from devcluster.control.namespaces import NamespaceController
from devcluster.http.reading import Reader
from devcluster.http.reviews import Reviews
from devcluster.http.server import ApiServer, Services
from devcluster.http.watching import Watcher
from devcluster.http.writing import Writer
from devcluster.kinds.builtins import BUILTINS, SERVICE_ACCOUNTS
from devcluster.kinds.catalog import Catalog
from devcluster.registry.registry import Registry
from devcluster.storage.objects import ObjectKey
from devcluster.storage.store import DEFAULT_HISTORY_LIMIT, Store

HOST = "127.0.0.1"
ADMIN = "admin"
_NAME = "devcluster"
_ACCOUNT_PREFIX = "system:serviceaccount:"
_TOKEN_BITS = 192
_USER_TOKEN_SECONDS = 24 * 3600
_SHUTDOWN_SECONDS = 2.0  # for answers under way; watches are ended before


class DevCluster:
    """A running API server and its controllers."""

    def __init__(
        self,
        *,
        store: Store,
        tokens: TokenIssuer,
        accounts: AccountUid,
        ca_pem: str,
        admin_token: str,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._accounts = accounts
        self.url = tokens.issuer
        self.ca_pem = ca_pem
        self.admin_token = admin_token

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        port: int = 0,
        now: Now = time.time,
        random: Random | None = None,
        history_limit: int = DEFAULT_HISTORY_LIMIT,
    ) -> AsyncIterator[DevCluster]:
        """Run a cluster for the length of the `async with` block.

        `port` 0 takes a free one. Raises OSError when the port is taken.
        `history_limit` is how many changes of each kind a watch can go back.
        """
        chance = random or SystemRandom()
        authority = trustme.CA()
        with socket.create_server((HOST, port)) as listener:
            url = f"https://{HOST}:{listener.getsockname()[1]}"
            store = Store(history_limit=history_limit)
            cluster = cls(
                store=store,
                tokens=TokenIssuer(issuer=url, now=now, random=chance),
                accounts=_account_uids(store),
                ca_pem=authority.cert_pem.bytes().decode(),
                admin_token=f"{chance.getrandbits(_TOKEN_BITS):048x}",
            )
            loop, server = cluster._build(now=now, random=chance)
            async with _serving(server, listener, _tls(authority)), _running(loop):
                try:
                    yield cluster
                finally:
                    store.close()

    def kubeconfig(self, user: str = ADMIN) -> str:
        """Return a kubeconfig for the administrator or for a ServiceAccount.

        The latter is named as Kubernetes names its user,
        `system:serviceaccount:<namespace>:<name>`. Raises LookupError when there is
        no such account.
        """
        token = self.admin_token if user == ADMIN else self._token_of(user)
        authority = base64.b64encode(self.ca_pem.encode()).decode()
        cluster = {"server": self.url, "certificate-authority-data": authority}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": _NAME, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": user}}],
            "current-context": _NAME,
        }
        return yaml.safe_dump(document, sort_keys=False)

    def compact(self) -> None:
        """Forget the history, so that older resourceVersions are answered with 410."""
        self._store.compact()

    def end_watches(self) -> None:
        """End every watch, as a server that restarts does."""
        self._store.close()

    def _token_of(self, user: str) -> str:
        namespace, _, name = user.removeprefix(_ACCOUNT_PREFIX).partition(":")
        uid = self._accounts(namespace, name)
        if uid is None:
            raise LookupError(f"there is no ServiceAccount for the user {user!r}")
        token, _ = self._tokens.issue(
            namespace=namespace,
            name=name,
            uid=uid,
            audiences=(),
            seconds=_USER_TOKEN_SECONDS,
        )
        return token

    def _build(self, *, now: Now, random: Random) -> tuple[ControlLoop, ApiServer]:
        """Wire the parts and create what every cluster has."""
        store, catalog = self._store, Catalog(BUILTINS)
        registry = Registry(store=store, now=now, random=random)
        controllers = (
            DefinitionController(
                store=store, registry=registry, catalog=catalog, now=now
            ),
            NamespaceController(
                store=store, registry=registry, catalog=catalog, ca_pem=self.ca_pem
            ),
            GarbageCollector(store=store, registry=registry, catalog=catalog),
        )
        loop = ControlLoop(store=store, controllers=controllers)
        authenticator = Authenticator(
            admin_token=self.admin_token,
            tokens=self._tokens,
            account_uid=self._accounts,
        )
        authorizer = Authorizer(store)
        reader = Reader(store=store, registry=registry, now=now)
        services = Services(
            catalog=catalog,
            authenticator=authenticator,
            authorizer=authorizer,
            tokens=self._tokens,
            reader=reader,
            writer=Writer(registry=registry, reader=reader),
            watcher=Watcher(store=store, now=now, random=random),
            reviews=Reviews(
                registry=registry,
                authenticator=authenticator,
                authorizer=authorizer,
                tokens=self._tokens,
            ),
        )
        for resource, value in bootstrap_objects():
            registry.create(resource, "", value)
        loop.settle()
        return loop, ApiServer(services)


def _account_uids(store: Store) -> AccountUid:
    accounts = store.collection(SERVICE_ACCOUNTS.collection)

    def uid_of(namespace: str, name: str) -> str | None:
        stored = accounts.get(ObjectKey(namespace, name))
        return None if stored is None else stored.uid

    return uid_of


def _tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    return context


@asynccontextmanager
async def _serving(
    server: ApiServer, listener: socket.socket, tls: ssl.SSLContext
) -> AsyncIterator[None]:
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


@asynccontextmanager
async def _running(loop: ControlLoop) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(loop.run(), name="controllers")
        try:
            yield
        finally:
            task.cancel()
