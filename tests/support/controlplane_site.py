"""What the programs of a control plane share: a folder, certificates, keys, users.

Files stay where they are when what is in them changes; a program sees the change
when it is started again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.tls import LOOPBACK, CertificateFiles

MASTERS = "system:masters"
"""The group that may do everything, whatever RBAC says."""

Version = tuple[int, int]
"""Major and minor version of Kubernetes."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a token. What a user may do is for RBAC to say."""

    name: str
    groups: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


class Site:
    """The place at which one control plane lives. See the module docstring."""

    def __init__(self, *, assets: Path, folder: Path, version: Version) -> None:
        self.assets = assets
        self.folder = folder
        self.version = version
        self.admin = User("admin", (MASTERS,))
        self.tokens = folder / "tokens.csv"
        self.tls = CertificateFiles(folder / "tls.crt", folder / "tls.key")
        self.service_account_key = folder / "service-account.key"

        self._users: list[User] = []
        self._authority = trustme.CA()
        self.add_users(self.admin)
        self.renew_certificate()
        _write_private(self.service_account_key, _new_rsa_key())

    @property
    def ca_pem(self) -> str:
        """The CA that the present certificate is verified with."""
        return self._authority.cert_pem.bytes().decode()

    def add_users(self, *users: User) -> None:
        """Write down users, each with a token of their own."""
        self._users += users
        lines = [user_line(user) for user in self._users]
        _write_private(self.tokens, "".join(lines).encode())

    def renew_certificate(self) -> None:
        """Write another serving certificate of the same CA."""
        leaf = self._authority.issue_cert(LOOPBACK, "localhost")
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        self.tls.certificate.write_bytes(chain)
        _write_private(self.tls.private_key, leaf.private_key_pem.bytes())

    def renew_authority(self) -> None:
        """Write a serving certificate of another CA."""
        self._authority = trustme.CA()
        self.renew_certificate()


def user_line(user: User) -> str:
    """Return the line of a user in a static token file.

    Source: "Static token file" in the Kubernetes documentation of authentication.
    """
    groups = f',"{",".join(user.groups)}"' if user.groups else ""
    return f'{user.token},"{user.name}","{user.name}"{groups}\n'


def _write_private(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def _new_rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
