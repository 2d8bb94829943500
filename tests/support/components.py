"""The three programs of a control plane and the flags they are started with.

The flags serve Kubernetes 1.20 and whatever is newer; what differs between
versions is asked of the binary and not of its path.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path

from tests.support.controlplane_site import Site, Version
from tests.support.processes import ServerProcess, free_port
from tests.support.readiness import Probe, answers
from tests.support.tls import LOOPBACK

ISSUER = "https://kubernetes.default.svc"
"""Issuer and default audience of ServiceAccount tokens."""

_SECOND_PORT_GONE = (1, 24)
_TERMINATION_PATIENCE = 2.0  # seconds; an apiserver waits for open watches to end


async def prepare_site(assets: Path, folder: Path) -> Site:
    """Make keys and certificates in `folder` for the programs in `assets`."""
    version = await _version_of(assets / "kube-apiserver")
    return Site(assets=assets, folder=folder, version=version)


def etcd(site: Site) -> ServerProcess:
    """Return an etcd that forgets its promise to survive a power cut."""
    clients, peers = (f"http://{LOOPBACK}:{free_port()}" for _ in range(2))
    flags = etcd_flags(data=site.folder / "etcd", clients=clients, peers=peers)
    return ServerProcess(
        name="etcd",
        argv=(site.assets / "etcd", *flags),
        endpoint=clients,
        ready=answers(f"{clients}/health"),
        log=site.folder / "etcd.log",
    )


def etcd_flags(*, data: Path, clients: str, peers: str) -> tuple[str, ...]:
    """Return the flags of an etcd for the URLs of its clients and its peers."""
    return (
        f"--data-dir={data}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
    )


def apiserver(site: Site, *, etcd_url: str) -> ServerProcess:
    """Return a kube-apiserver with RBAC, where the admin token may do everything."""
    port = free_port()
    url = f"https://{LOOPBACK}:{port}"
    flags = apiserver_flags(site, port=port, etcd_url=etcd_url)
    return ServerProcess(
        name="kube-apiserver",
        argv=(site.assets / "kube-apiserver", *flags),
        endpoint=url,
        ready=_answers_to_admin(site, f"{url}/readyz"),
        log=site.folder / "kube-apiserver.log",
        grace=_TERMINATION_PATIENCE,
    )


def apiserver_flags(site: Site, *, port: int, etcd_url: str) -> tuple[str, ...]:
    """Return the flags of a kube-apiserver. They are the same in every version."""
    return (
        f"--etcd-servers={etcd_url}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        # An endpoint on loopback is refused, and nobody here needs it.
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--cert-dir={site.folder}",
        f"--tls-cert-file={site.tls.certificate}",
        f"--tls-private-key-file={site.tls.private_key}",
        f"--token-auth-file={site.tokens}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={site.service_account_key}",
        f"--service-account-signing-key-file={site.service_account_key}",
        f"--api-audiences={ISSUER}",
        "--service-cluster-ip-range=10.0.0.0/24",
    )


def controller_manager(site: Site, *, apiserver_url: str) -> ServerProcess:
    """Return a kube-controller-manager: garbage collection, ServiceAccounts, ...

    It ends by itself when the API server goes away while it starts.
    """
    port = free_port()
    url = f"https://{LOOPBACK}:{port}"
    write_controller_kubeconfig(site, apiserver_url=apiserver_url)
    return ServerProcess(
        name="kube-controller-manager",
        argv=(
            site.assets / "kube-controller-manager",
            *controller_manager_flags(site, port=port),
        ),
        endpoint=url,
        ready=_answers_to_admin(site, f"{url}/healthz"),
        log=site.folder / "kube-controller-manager.log",
    )


def controller_manager_flags(site: Site, *, port: int) -> tuple[str, ...]:
    """Return the flags of a kube-controller-manager of the site's version."""
    return (
        f"--kubeconfig={_controller_kubeconfig(site)}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={site.tls.certificate}",
        f"--tls-private-key-file={site.tls.private_key}",
        f"--service-account-private-key-file={site.service_account_key}",
        "--leader-elect=false",
        # Until then a second, open port is the default.
        *(("--port=0",) if site.version < _SECOND_PORT_GONE else ()),
    )


def write_controller_kubeconfig(site: Site, *, apiserver_url: str) -> None:
    """Tell the controller manager, when it starts, where the API server is."""
    text = kubeconfig(apiserver_url, site.ca_pem, site.admin.token)
    _controller_kubeconfig(site).write_text(text)


def kubeconfig(url: str, ca_pem: str, token: str) -> str:
    """Return a kubeconfig as JSON, which every reader of YAML takes."""
    authority = base64.b64encode(ca_pem.encode()).decode()
    cluster = {"server": url, "certificate-authority-data": authority}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    return json.dumps(document, indent=2)


def token_in(kubeconfig_text: str) -> str:
    """Return the token in a text of `kubeconfig`."""
    token: str = json.loads(kubeconfig_text)["users"][0]["user"]["token"]
    return token


def parse_version(text: str) -> Version:
    """Return the version in what `--version` prints. Raises ValueError for others."""
    found = re.search(r"\bv(\d+)\.(\d+)\.", text)
    if found is None:
        raise ValueError(f"no version of Kubernetes in {text!r}")
    return int(found[1]), int(found[2])


def _controller_kubeconfig(site: Site) -> Path:
    return site.folder / "controller-manager.kubeconfig"


def _answers_to_admin(site: Site, url: str) -> Probe:
    async def probe() -> None:
        # Asked anew each time: the CA may have been rotated.
        await answers(url, ca_pem=site.ca_pem, token=site.admin.token)()

    return probe


async def _version_of(binary: Path) -> Version:
    process = await asyncio.create_subprocess_exec(
        binary, "--version", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return parse_version(output.decode())
