"""What the stories happen in: a cluster, an OpenBao, a proxy, a controller.

The controller is the program as a process of its own, with the ServiceAccount
and the rights of `deploy/rbac`, and it reaches the API server through a proxy
that writes down every request. Durations are scaled down by its flags.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tests.e2e.admin import VSO, Admin, Manifest, decoded, named
from tests.e2e.clusters import Cluster
from tests.support.components import kubeconfig
from tests.support.conditions import eventually
from tests.support.openbao import OpenBao
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.processes import ServerProcess, free_port, running
from tests.support.proxy import RecordingProxy
from tests.support.readiness import answers
from tests.support.tls import LOOPBACK

ROOT = Path(__file__).parents[2]
OPERATOR = "vault-secrets-operator-system"
ACCOUNT = "vso-controller-manager"
REVIEWER = "vault-reviewer"
PATIENCE = 15.0  # seconds
SCALED = (
    "--backoff-initial-interval=200ms",
    "--backoff-max-interval=1s",
    "--connection-probe-interval=1s",
    "--leader-elect-lease-duration=3s",
    "--leader-elect-renew-deadline=2s",
    "--leader-elect-retry-period=500ms",
)
_TEAMS = count(1)


class Controller:
    """One running replica of the program."""

    def __init__(self, *, process: ServerProcess, metrics_url: str) -> None:
        self.process = process
        self._metrics_url = metrics_url

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in (await self.metrics_text()).splitlines()
            if line.startswith((f"{name}{{", f"{name} "))
            and all(each in line for each in wanted)
        )

    async def metrics_text(self) -> str:
        """Return all metrics as the replica prints them."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(self._metrics_url) as answer,
        ):
            return await answer.text()


@dataclass(frozen=True, slots=True)
class World:
    """Everything the stories share."""

    cluster: Cluster
    admin: Admin
    proxy: RecordingProxy
    bao: OpenBao
    auth: KubernetesAuth
    kv: KeyValue
    kv1: KeyValue
    folder: Path

    @asynccontextmanager
    async def controller(self, *flags: str) -> AsyncIterator[Controller]:
        """Run a replica of the controller, with these flags after the usual ones."""
        token = await self.admin.token(OPERATOR, ACCOUNT)
        config = self.folder / "controller.kubeconfig"
        config.write_text(kubeconfig(self.proxy.url, self.proxy.ca_pem, token))
        ports: list[int] = []

        def build() -> ServerProcess:
            ports[:] = [free_port(), free_port()]
            return controller_process(config, self.folder, ports, flags)

        async with running(build) as process:
            url = f"http://{LOOPBACK}:{ports[0]}/metrics"
            yield Controller(process=process, metrics_url=url)

    def offline_controller(self, folder: Path) -> ServerProcess:
        """Return a replica whose API server is not there; it answers its probes."""
        config = folder / "kubeconfig"
        nobody = f"https://{LOOPBACK}:{free_port()}"
        config.write_text(kubeconfig(nobody, self.proxy.ca_pem, "none"))
        ports = [free_port(), free_port()]
        return controller_process(config, folder, ports, (), ready="healthz")

    async def reviewer_token(self) -> str:
        """Return a token with which a Vault may review those who log in."""
        return await self.admin.token(OPERATOR, REVIEWER)

    async def team(self) -> Team:
        """Make a namespace with a way to log in, as a team would have it."""
        team = Team(self, f"team-{next(_TEAMS)}")
        await team.prepare()
        return team


def controller_process(
    config: Path,
    folder: Path,
    ports: Sequence[int],
    flags: Sequence[str],
    *,
    ready: str = "readyz",
) -> ServerProcess:
    """Return the process of a controller that is yet to be started."""
    metrics, probes = ports
    endpoint = f"http://{LOOPBACK}:{probes}"
    return ServerProcess(
        name="controller",
        argv=(
            *(sys.executable, "-m", "vso_controller", "run"),
            f"--kubeconfig={config}",
            f"--namespace={OPERATOR}",
            f"--metrics-bind-address={LOOPBACK}:{metrics}",
            f"--health-probe-bind-address={LOOPBACK}:{probes}",
            "--log-level=debug",
            *SCALED,
            *flags,
        ),
        endpoint=endpoint,
        ready=answers(f"{endpoint}/{ready}"),
        log=folder / f"controller-{probes}.log",
    )


@asynccontextmanager
async def world_on(cluster: Cluster) -> AsyncIterator[World]:
    """Prepare a cluster and a Vault for the length of the block."""
    async with AsyncExitStack() as stack:
        run = stack.enter_async_context
        admin = await run(
            Admin.connect(cluster.url, ca_pem=cluster.ca_pem, token=cluster.admin_token)
        )
        await admin.apply_files(ROOT / "crds", ROOT / "deploy" / "rbac")
        bao = await run(OpenBao.start(tls=True))
        proxy = await run(RecordingProxy.start(cluster.url, cluster.ca_pem))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="vso-e2e-")))
        yield World(
            cluster=cluster,
            admin=admin,
            proxy=proxy,
            bao=bao,
            auth=await _enable_login(bao, cluster, admin),
            kv=await KeyValue.enable(bao.root, "secret"),
            kv1=await KeyValue.enable(bao.root, "legacy", version=1),
            folder=folder,
        )


async def _enable_login(bao: OpenBao, cluster: Cluster, admin: Admin) -> KubernetesAuth:
    await admin.apply(named("ServiceAccount", OPERATOR, REVIEWER))
    await admin.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": REVIEWER},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [
                {"kind": "ServiceAccount", "name": REVIEWER, "namespace": OPERATOR}
            ],
        }
    )
    token = await admin.token(OPERATOR, REVIEWER)
    auth = await KubernetesAuth.enable(
        bao.root, host=cluster.url, ca_pem=cluster.ca_pem, reviewer_token=token
    )
    await bao.root.put_policy("app-policy", READ_EVERYTHING)
    await auth.put_role("app-role", **ANY_TEAM)
    return auth


READ_EVERYTHING = """
path "secret/data/*" { capabilities = ["read"] }
path "legacy/*" { capabilities = ["read"] }
"""
ANY_TEAM: dict[str, Any] = {
    "service_accounts": ["app-sa"],
    "namespaces": ["*"],
    "policies": ["app-policy"],
    "audience": "vault",
}


class Team:
    """A namespace with a VaultConnection, a VaultAuth and a ServiceAccount."""

    def __init__(self, world: World, namespace: str) -> None:
        self.world = world
        self.namespace = namespace
        self._admin = world.admin

    async def prepare(self) -> None:
        """Create what a VaultStaticSecret needs."""
        await self._admin.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": self.namespace},
            }
        )
        await self._admin.apply(self.named("ServiceAccount", "app-sa"))
        await self.trust(self.world.bao)
        await self.connect()
        await self.authenticate()

    async def remove(self) -> None:
        """Delete the resources, so that nobody works on them any more."""
        for kind in ("VaultStaticSecret", "VaultAuth", "VaultConnection"):
            for each in await self._admin.list(kind, self.namespace, VSO):
                await self._admin.delete(named(kind, self.namespace, _name(each)))

    async def trust(self, bao: OpenBao, *, secret: str = "vault-ca") -> None:
        """Put the CA of a Vault where the VaultConnection looks for it."""
        ca = base64.b64encode((bao.ca_pem or "").encode()).decode()
        manifest = self.named("Secret", secret) | {"data": {"ca.crt": ca}}
        await self._admin.apply(manifest)

    async def connect(self, name: str = "vault", **changes: object) -> None:
        """Create or change a VaultConnection."""
        spec = {"address": self.world.bao.address, "caCertSecretRef": "vault-ca"}
        await self._admin.apply(
            self.named("VaultConnection", name, spec=spec | changes)
        )

    async def authenticate(self, **changes: object) -> None:
        """Create or change the VaultAuth."""
        spec = {
            "method": "kubernetes",
            "mount": "kubernetes",
            "vaultConnectionRef": "vault",
            "kubernetes": {
                "role": "app-role",
                "serviceAccount": "app-sa",
                "audiences": ["vault"],
            },
        }
        await self._admin.apply(self.named("VaultAuth", "auth", spec=spec | changes))

    async def sync(
        self,
        name: str = "app",
        *,
        destination: Manifest | None = None,
        **changes: object,
    ) -> Manifest:
        """Create or change a VaultStaticSecret for the path of this namespace."""
        spec = {
            "vaultAuthRef": "auth",
            "mount": "secret",
            "type": "kv-v2",
            "path": f"{self.namespace}/{name}",
            "refreshAfter": "1s",
            "destination": {"name": f"{name}-secret", "create": True}
            | (destination or {}),
        }
        manifest = self.named("VaultStaticSecret", name, spec=spec | changes)
        return await self._admin.apply(manifest)

    async def put(self, name: str = "app", **data: object) -> None:
        """Write to the path that `sync` reads."""
        await self.world.kv.put(f"{self.namespace}/{name}", data)

    async def secret(self, name: str = "app-secret") -> Manifest | None:
        """Return a Secret of this namespace."""
        return await self._admin.get(self.named("Secret", name))

    async def wait_value(
        self, key: str, value: bytes, name: str = "app-secret"
    ) -> Manifest:
        """Wait until a Secret holds a value."""

        async def probe() -> Manifest:
            secret = await self.secret(name)
            assert secret is not None, f"there is no Secret {name}"
            assert decoded(secret).get(key) == value
            return secret

        return await eventually(probe, within=PATIENCE)

    async def wait_condition(
        self,
        status: str,
        reason: str,
        *,
        kind: str = "VaultStaticSecret",
        name: str = "app",
        condition: str = "Ready",
        within: float = PATIENCE,
    ) -> str:
        """Wait until a condition is so; return its message."""

        async def probe() -> str:
            found = await self.condition(kind, name, condition)
            assert found is not None, f"{kind} {name} has no condition {condition}"
            assert (found["status"], found["reason"]) == (status, reason), found
            message: str = found["message"]
            return message

        return await eventually(probe, within=within)

    async def wait_ready(self, name: str = "app") -> None:
        """Wait until a VaultStaticSecret is ready."""
        await self.wait_condition("True", "Ready", name=name)

    async def condition(
        self, kind: str, name: str, condition: str
    ) -> dict[str, Any] | None:
        """Return a condition of a resource."""
        resource = await self._admin.get(self.named(kind, name))
        assert resource is not None
        found: list[dict[str, Any]] = [
            each
            for each in resource.get("status", {}).get("conditions", [])
            if each["type"] == condition
        ]
        return found[0] if found else None

    async def everything(self) -> str:
        """Return all that people may read here: statuses and Events, as text."""
        shown: list[Manifest] = await self._admin.list("Event", self.namespace)
        for kind in ("VaultConnection", "VaultAuth", "VaultStaticSecret"):
            manifest = named(kind, self.namespace, "")
            version = manifest["apiVersion"]
            shown += await self._admin.list(kind, self.namespace, version)
        return json.dumps(shown)

    def named(self, kind: str, name: str, *, spec: Manifest | None = None) -> Manifest:
        """Return a manifest of this namespace."""
        return named(kind, self.namespace, name, spec=spec)


def _name(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name
