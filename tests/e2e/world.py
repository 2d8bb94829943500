"""What the stories happen in: a cluster, an OpenBao, a proxy, a controller.

The controller is the program as a process of its own, with the ServiceAccount
and the rights of `deploy/rbac`, and it reaches the API server and OpenBao through
proxies that write down every request. Durations are scaled down by its flags. What
happens is watched all the time, for the oracle to judge in the end.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from tests.e2e.admin import Admin, Manifest, named
from tests.e2e.clusters import Cluster
from tests.e2e.team import Team
from tests.support.components import kubeconfig, token_in
from tests.support.openbao import OpenBao
from tests.support.openbao_auth import KubernetesAuth
from tests.support.openbao_kv import KeyValue
from tests.support.oracle.observatory import Logs, Observatory
from tests.support.oracle.oracle import examine
from tests.support.oracle.report import Report
from tests.support.oracle.values import WitnessedValues
from tests.support.planting import ROOT, environment_of
from tests.support.processes import ServerProcess, free_port, running
from tests.support.proxy import RecordingProxy
from tests.support.readiness import answers
from tests.support.tls import LOOPBACK

OPERATOR = "vault-secrets-operator-system"
ACCOUNT = "vso-controller-manager"
REVIEWER = "vault-reviewer"
LEASE: Manifest = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"namespace": OPERATOR, "name": "b0d477c0.hashicorp.com"},
}
CREDENTIALS = "credentials"
"""The folder with files to log in with, in that of the world."""
SCALED = (
    "--backoff-initial-interval=200ms",
    "--backoff-max-interval=1s",
    "--connection-probe-interval=1s",
    "--connection-outage-probe-interval=200ms",
    "--leader-elect-lease-duration=3s",
    "--leader-elect-renew-deadline=2s",
    "--leader-elect-retry-period=500ms",
    "--watch-backoff-initial-interval=100ms",
    "--watch-backoff-max-interval=500ms",
)
SHORT_LEASE = (
    "--leader-elect-lease-duration=1500ms",
    "--leader-elect-renew-deadline=1s",
    "--leader-elect-retry-period=300ms",
)
_TEAMS = count(1)
_REPLICAS = count(1)
_LOGS = count(1)


class Controller:
    """One running replica of the program."""

    def __init__(self, *, process: ServerProcess, metrics_url: str, who: str) -> None:
        self.process = process
        self.who = who  # the fingerprint of its token, by which its acts are known
        self._metrics_url = metrics_url

    @property
    def log(self) -> str:
        """All that it has logged so far."""
        return self.process.log.read_text()

    async def metric(self, name: str, /, **labels: str) -> float:
        """Return the sum of the samples of a metric that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in (await self.metrics_text()).splitlines()
            if line.startswith((f"{name}{{", f"{name} "))
            and all(each in line for each in wanted)
        )

    async def is_ready(self) -> None:
        """Raise if the replica says that it is not ready."""
        await answers(f"{self.process.endpoint}/readyz")()

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
    proxy: RecordingProxy  # before the API server
    vault_proxy: RecordingProxy
    bao: OpenBao
    auth: KubernetesAuth
    kv: WitnessedValues
    kv1: WitnessedValues
    folder: Path
    observatory: Observatory

    @asynccontextmanager
    async def controller(
        self,
        *flags: str,
        program: Path = ROOT,
        account: str = ACCOUNT,
        config: Path | None = None,
        ready: str = "readyz",
    ) -> AsyncIterator[Controller]:
        """Run a replica of the controller, with these flags after the usual ones.

        `program` is the folder that has its package, `account` whose rights it has
        unless `config` is a kubeconfig of `kubeconfig_for`, `ready` the probe that it
        must pass to have started.
        """
        config = config or await self.kubeconfig_for(account)
        ports: list[int] = []

        def build() -> ServerProcess:
            ports[:] = [free_port(), free_port()]
            return controller_process(
                config, self.folder, ports, flags, ready=ready, program=program
            )

        async with running(build) as process:
            url = f"http://{LOOPBACK}:{ports[0]}/metrics"
            token = token_in(config.read_text()).encode()
            who = self.observatory.fingerprints.of(token)
            replica = Controller(process=process, metrics_url=url, who=who)
            async with self._overheard(replica):
                yield replica

    async def kubeconfig_for(self, account: str) -> Path:
        """Write a kubeconfig with a new token of an account in our namespace.

        Each replica has its token: by that the oracle tells them apart.
        """
        token = await self.admin.token(OPERATOR, account)
        config = self.folder / f"controller-{next(_REPLICAS)}.kubeconfig"
        config.write_text(kubeconfig(self.proxy.url, self.proxy.ca_pem, token))
        return config

    @asynccontextmanager
    async def _overheard(self, replica: Controller) -> AsyncIterator[None]:
        """Probe a replica meanwhile, and search what it told for canaries."""
        process, watch = replica.process, self.observatory
        name = process.log.stem
        try:
            async with watch.prober.probing(name, f"{process.endpoint}/readyz"):
                yield
            if process.is_running:
                told = await replica.metrics_text()
                watch.canaries.search(told, f"the metrics of {name}")
                await process.stop()
        finally:
            watch.canaries.search(process.log.read_text(), f"the log of {name}")

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[World]:
        """Use the same servers through proxies and under observers of their own.

        What happens there is in no report but that of the world that is yielded.
        """
        async with _observed(self.cluster, self.bao) as (watch, proxy, vault_proxy):
            yield replace(
                self,
                proxy=proxy,
                vault_proxy=vault_proxy,
                kv=watch.values(self.kv.engine),
                kv1=watch.values(self.kv1.engine),
                observatory=watch,
            )

    async def report(self) -> Report:
        """Return what the oracle says of all that has happened here."""
        logs = Logs(self.proxy.recorder.requests, self.vault_proxy.recorder.requests)
        evidence = await self.observatory.evidence(logs)
        return examine(evidence, self.observatory.bounds)

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
    program: Path = ROOT,
) -> ServerProcess:
    """Return the process of a controller that is yet to be started."""
    metrics, probes = ports
    endpoint = f"http://{LOOPBACK}:{probes}"
    return ServerProcess(
        name="controller",
        argv=(
            # -P: not the package of the working directory but that of the program.
            *(sys.executable, "-P", "-m", "vso_controller", "run"),
            f"--kubeconfig={config}",
            f"--namespace={OPERATOR}",
            f"--metrics-bind-address={LOOPBACK}:{metrics}",
            f"--credential-path-roots={folder / CREDENTIALS}",
            f"--health-probe-bind-address={LOOPBACK}:{probes}",
            "--log-level=debug",
            *SCALED,
            *flags,
        ),
        endpoint=endpoint,
        ready=answers(f"{endpoint}/{ready}"),
        # Of its own: a port is soon another's, who would find our lines there.
        log=folder / f"controller-{next(_LOGS)}.log",
        env=environment_of(program),
    )


@asynccontextmanager
async def world_on(cluster: Cluster) -> AsyncIterator[World]:
    """Prepare a cluster and a Vault for the length of the block."""
    async with AsyncExitStack() as stack:
        run = stack.enter_async_context
        admin = await run(
            Admin.connect(
                cluster.url,
                ca_pem=cluster.ca_pem,
                token=cluster.admin_token,
                adapt=cluster.adapt,
            )
        )
        await admin.apply_files(ROOT / "crds", ROOT / "deploy" / "rbac")
        bao = await run(OpenBao.start(tls=True))
        auth = await _enable_login(bao, cluster, admin)
        kv = await KeyValue.enable(bao.root, "secret")
        kv1 = await KeyValue.enable(bao.root, "legacy", version=1)
        watch, proxy, vault_proxy = await run(_observed(cluster, bao))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="vso-e2e-")))
        yield World(
            cluster=cluster,
            admin=admin,
            proxy=proxy,
            vault_proxy=vault_proxy,
            bao=bao,
            auth=auth,
            kv=watch.values(kv),
            kv1=watch.values(kv1),
            folder=folder,
            observatory=watch,
        )


@asynccontextmanager
async def _observed(
    cluster: Cluster, bao: OpenBao
) -> AsyncIterator[tuple[Observatory, RecordingProxy, RecordingProxy]]:
    """Watch a cluster, and what passes the proxies before it and before its Vault."""
    async with (
        Observatory.watching(
            url=cluster.url, ca_pem=cluster.ca_pem, token=cluster.admin_token
        ) as watch,
        RecordingProxy.start(
            cluster.url, cluster.ca_pem, wrap=watch.kube_tap.around
        ) as proxy,
        RecordingProxy.start(
            bao.address, bao.ca_pem, wrap=watch.vault_tap.around
        ) as vault_proxy,
    ):
        yield watch, proxy, vault_proxy


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
