"""The clusters that the stories run on, by the name in CLUSTER.

`embedded` is devcluster in this process, `envtest` a real control plane from
KUBEBUILDER_ASSETS, `kind` a cluster made for the run, `kubeconfig` the one that
KUBECONFIG names. All look the same to a story: a URL, a CA and the token of
somebody who may do everything.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devcluster.cluster import DevCluster
from tests.support.controlplane import ControlPlane, assets_from_environment
from tests.support.controlplane_definitions import Manifest, with_empty_strings

_ADMIN = "vso-e2e-admin"
_BINDING = ("create", "clusterrolebinding", _ADMIN, "--clusterrole=cluster-admin")
_KIND = "vso-e2e"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster and its administrator."""

    url: str
    ca_pem: str
    admin_token: str = field(repr=False)
    server: DevCluster | ControlPlane | None = None  # None: it is not in our hands

    def adapt(self, manifest: Manifest) -> Manifest:
        """Return a manifest as this cluster takes it."""
        if isinstance(self.server, ControlPlane):
            return with_empty_strings(manifest)
        return manifest


@asynccontextmanager
async def cluster_named(name: str) -> AsyncIterator[Cluster]:
    """Run, or reach, the cluster that CLUSTER names."""
    match name:
        case "embedded":
            async with DevCluster.start() as dev:
                yield Cluster(dev.url, dev.ca_pem, dev.admin_token, dev)
        case "envtest":
            assets = assets_from_environment()
            if assets is None:
                raise LookupError("CLUSTER=envtest needs KUBEBUILDER_ASSETS")
            async with ControlPlane.start(assets) as plane:
                yield Cluster(plane.url, plane.ca_pem, plane.admin_token, plane)
        case "kind":
            async with _kind() as kubeconfig:
                yield await _reached_by(kubeconfig)
        case "kubeconfig":
            yield await _reached_by(Path(os.environ["KUBECONFIG"]))
        case _:
            raise LookupError(f"CLUSTER={name} is not one of the clusters there are")


@asynccontextmanager
async def _kind() -> AsyncIterator[Path]:
    kubeconfig = _kind_kubeconfig()
    made = ("--name", _KIND, "--kubeconfig", str(kubeconfig))
    await run("kind", "create", "cluster", *made, "--wait", "2m")
    try:
        yield kubeconfig
    finally:
        await run("kind", "delete", "cluster", *made)


def _kind_kubeconfig() -> Path:
    kubeconfig = Path("build/kind/kubeconfig").absolute()
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    return kubeconfig


async def _reached_by(kubeconfig: Path) -> Cluster:
    """Make an administrator with a token: who the kubeconfig names may have none."""

    async def kubectl(*arguments: str) -> str:
        flag = f"--kubeconfig={kubeconfig}"
        return await run(_kubectl(), flag, *arguments)

    account = ("-n", "kube-system")
    await kubectl("delete", "sa", _ADMIN, *account, "--ignore-not-found")
    await kubectl("delete", "clusterrolebinding", _ADMIN, "--ignore-not-found")
    await kubectl("create", "sa", _ADMIN, *account)
    await kubectl(*_BINDING, f"--serviceaccount=kube-system:{_ADMIN}")
    token = await kubectl("create", "token", _ADMIN, *account, "--duration=24h")
    shown = await kubectl("config", "view", "--minify", "--raw", "--flatten", "-ojson")
    cluster = json.loads(shown)["clusters"][0]["cluster"]
    ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return Cluster(cluster["server"], ca, token.strip())


def _kubectl() -> str:
    beside_python = Path(sys.executable).parent
    return shutil.which("kubectl", path=beside_python) or "kubectl"


async def run(*command: str) -> str:
    """Run a command to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {errors.decode().strip()}")
    return output.decode()
