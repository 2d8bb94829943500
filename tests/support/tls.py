"""A throw-away certificate authority, and clients that trust one and no other."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a server finds its certificate chain and its private key."""

    certificate: Path
    private_key: Path


class Authority:
    """A certificate authority that has issued one certificate, for loopback."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self._leaf = self._ca.issue_cert(LOOPBACK, "localhost")
        self.ca_pem = self._ca.cert_pem.bytes().decode()

    def server_context(self) -> ssl.SSLContext:
        """Return what an in-process server presents to its clients."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.present(context)
        return context

    def present(self, context: ssl.SSLContext) -> None:
        """Have a server present our certificate on the connections to come."""
        self._leaf.configure_cert(context)

    def write(self, folder: Path) -> CertificateFiles:
        """Write certificate and key into `folder`, for a server that reads files."""
        files = CertificateFiles(folder / "tls.crt", folder / "tls.key")
        chain = b"".join(blob.bytes() for blob in self._leaf.cert_chain_pems)
        files.certificate.write_bytes(chain)
        files.private_key.touch(mode=0o600)
        files.private_key.write_bytes(self._leaf.private_key_pem.bytes())
        return files


def trust(ca_pem: str | None) -> ssl.SSLContext:
    """Return a client context that trusts `ca_pem` alone; None: the system's."""
    return ssl.create_default_context(cadata=ca_pem)
