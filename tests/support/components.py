"""The three programs of a control plane and the flags they are started with.

The flags serve Kubernetes 1.20 and whatever is newer; what differs between
versions is asked of the binary and not of its path.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.processes import ServerProcess, free_port
from tests.support.readiness import answers
from tests.support.tls import LOOPBACK, Authority, CertificateFiles

ISSUER = "https://kubernetes.default.svc"
"""Issuer and default audience of ServiceAccount tokens."""

_PORT_FLAG_REMOVED = (1, 24)
_TERMINATION_PATIENCE = 2.0  # seconds; an apiserver waits for open watches to end


@dataclass(frozen=True, slots=True)
class Site:
    """What the programs share: their binaries, a folder, certificates, keys."""

    assets: Path
    folder: Path
    ca_pem: str
    admin_token: str = field(repr=False)
    tls: CertificateFiles
    service_account_key: Path
    version: tuple[int, int]  # of Kubernetes, major and minor


async def prepare_site(assets: Path, folder: Path) -> Site:
    """Make keys and certificates in `folder` for the programs in `assets`."""
    authority = Authority()
    key = folder / "service-account.key"
    key.write_bytes(_new_rsa_key())
    return Site(
        assets=assets,
        folder=folder,
        ca_pem=authority.ca_pem,
        admin_token=secrets.token_hex(16),
        tls=authority.write(folder),
        service_account_key=key,
        version=await _version_of(assets / "kube-apiserver"),
    )


def etcd(site: Site) -> ServerProcess:
    """Return an etcd that forgets its promise to survive a power cut."""
    clients, peers = (f"http://{LOOPBACK}:{free_port()}" for _ in range(2))
    argv = (
        site.assets / "etcd",
        f"--data-dir={site.folder / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
    )
    return ServerProcess(
        name="etcd",
        argv=argv,
        endpoint=clients,
        ready=answers(f"{clients}/health"),
        log=site.folder / "etcd.log",
    )


def apiserver(site: Site, *, etcd_url: str) -> ServerProcess:
    """Return a kube-apiserver with RBAC, where the admin token may do everything."""
    port = free_port()
    url = f"https://{LOOPBACK}:{port}"
    tokens = site.folder / "tokens.csv"
    tokens.write_text(f'{site.admin_token},admin,admin,"system:masters"\n')
    argv = (
        site.assets / "kube-apiserver",
        f"--etcd-servers={etcd_url}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        # An endpoint on loopback is refused, and nobody here needs it.
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--cert-dir={site.folder}",
        f"--tls-cert-file={site.tls.certificate}",
        f"--tls-private-key-file={site.tls.private_key}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={site.service_account_key}",
        f"--service-account-signing-key-file={site.service_account_key}",
        f"--api-audiences={ISSUER}",
        "--service-cluster-ip-range=10.0.0.0/24",
    )
    return ServerProcess(
        name="kube-apiserver",
        argv=argv,
        endpoint=url,
        ready=answers(f"{url}/readyz", ca_pem=site.ca_pem, token=site.admin_token),
        log=site.folder / "kube-apiserver.log",
        grace=_TERMINATION_PATIENCE,
    )


def controller_manager(site: Site, *, apiserver_url: str) -> ServerProcess:
    """Return a kube-controller-manager: garbage collection, ServiceAccounts, ...

    It ends by itself when the API server goes away while it starts.
    """
    port = free_port()
    url = f"https://{LOOPBACK}:{port}"
    config = site.folder / "controller-manager.kubeconfig"
    config.write_text(kubeconfig(apiserver_url, site.ca_pem, site.admin_token))
    argv = (
        site.assets / "kube-controller-manager",
        f"--kubeconfig={config}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={site.tls.certificate}",
        f"--tls-private-key-file={site.tls.private_key}",
        f"--service-account-private-key-file={site.service_account_key}",
        "--leader-elect=false",
        # Until then a second, open port is the default.
        *(("--port=0",) if site.version < _PORT_FLAG_REMOVED else ()),
    )
    return ServerProcess(
        name="kube-controller-manager",
        argv=argv,
        endpoint=url,
        ready=answers(f"{url}/healthz", ca_pem=site.ca_pem),
        log=site.folder / "kube-controller-manager.log",
    )


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


async def _version_of(binary: Path) -> tuple[int, int]:
    process = await asyncio.create_subprocess_exec(
        binary, "--version", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    found = re.search(rb"v(\d+)\.(\d+)", output)
    if found is None:
        raise ValueError(f"{binary} --version printed {output!r}")
    return int(found[1]), int(found[2])


def _new_rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
