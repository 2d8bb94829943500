"""A cluster, and the controller with its usual settings, as processes."""

from __future__ import annotations

import base64
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.conditions import NotYet
from tests.support.processes import ServerProcess, free_port, running
from tests.support.readiness import answers
from tests.support.tls import LOOPBACK

OPERATOR = "vault-secrets-operator-system"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running devcluster; `kubeconfig` is its administrator's."""

    url: str
    ca_pem: str
    kubeconfig: Path


@asynccontextmanager
async def cluster_in(folder: Path) -> AsyncIterator[Cluster]:
    """Run devcluster for the length of the block."""
    kubeconfig = folder / "kubeconfig"

    async def written() -> None:
        # It is written when the server is ready, and not before.
        if not kubeconfig.exists():
            raise NotYet(f"{kubeconfig} is not there")

    def build() -> ServerProcess:
        kubeconfig.unlink(missing_ok=True)
        port = free_port()
        return ServerProcess(
            name="devcluster",
            argv=(
                *(sys.executable, "-m", "devcluster"),
                *("--port", str(port), "--kubeconfig", kubeconfig),
            ),
            endpoint=f"https://{LOOPBACK}:{port}",
            ready=written,
            log=folder / "devcluster.log",
        )

    async with running(build) as process:
        yield Cluster(process.endpoint, _authority_in(kubeconfig), kubeconfig)


@asynccontextmanager
async def controller_in(folder: Path, kubeconfig: Path) -> AsyncIterator[ServerProcess]:
    """Run the program as a cluster would, for the length of the block."""

    def build() -> ServerProcess:
        probes, metrics = free_port(), free_port()
        endpoint = f"http://{LOOPBACK}:{probes}"
        return ServerProcess(
            name="vso-controller",
            argv=(
                *(sys.executable, "-m", "vso_controller", "run"),
                f"--kubeconfig={kubeconfig}",
                f"--namespace={OPERATOR}",
                f"--health-probe-bind-address={LOOPBACK}:{probes}",
                f"--metrics-bind-address={LOOPBACK}:{metrics}",
                "--log-format=console",
            ),
            endpoint=endpoint,
            ready=answers(f"{endpoint}/readyz"),
            log=folder / "controller.log",
        )

    async with running(build) as process:
        yield process


def _authority_in(kubeconfig: Path) -> str:
    document = yaml.safe_load(kubeconfig.read_text())
    authority = document["clusters"][0]["cluster"]["certificate-authority-data"]
    return base64.b64decode(authority).decode()
