"""The CA of a VaultConnection, from the Secret or the file that its spec names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.credentials.files import FileUnusable, FileVersion, RootedFiles
from vso_controller.credentials.ports import SecretValues
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.trust import trust_of
from vso_controller.foundation.errors import Gone
from vso_controller.foundation.objects import ObjectKey
from vso_controller.kube.errors import Forbidden
from vso_controller.vault.errors import InvalidConnection
from vso_controller.vault.tls import build_tls

CA_KEY = "ca.crt"


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA bundle that can be used, and what tells it from another one."""

    pem: bytes | None = None  # None: the CAs of the system
    fingerprint: str = ""  # "" without a CA of its own
    file: FileVersion | None = None  # None: it is not from a file


class Authorities:
    """Reads CA bundles."""

    def __init__(self, *, secrets: SecretValues, files: RootedFiles) -> None:
        self._secrets = secrets
        self._files = files

    async def read(self, key: ObjectKey, spec: VaultConnectionSpec) -> Authority:
        """Return the CA of the VaultConnection `key` as it is now.

        Raises Refusal where it is of no use, and what reading a Secret may raise.
        """
        trust = trust_of(spec)
        if isinstance(trust, Failure):
            raise Refusal(trust.reason, f"VaultConnection {key}: {trust.message}")
        if trust.secret:
            secret = ObjectKey(key.namespace, trust.secret)
            pem, file = await self._from_secret(key, secret), None
            source = f"caCertSecretRef of VaultConnection {key}: Secret {secret}"
        elif trust.file:
            pem, file = await self._from_file(key, trust.file)
            source = f"caCertPath of VaultConnection {key}: {trust.file}"
        else:
            return Authority()
        _check(pem, source, skip_verify=spec.skip_tls_verify)
        return Authority(pem, hashlib.sha256(pem).hexdigest(), file)

    async def is_unchanged(self, file: FileVersion | None) -> bool:
        """Whether a CA is still the one it was, as far as a file can tell."""
        return file is None or await self._files.is_unchanged(file)

    async def _from_secret(self, key: ObjectKey, secret: ObjectKey) -> bytes:
        field = f"caCertSecretRef of VaultConnection {key}"
        try:
            data = await self._secrets.read_data(secret)
        except Gone as error:
            raise _unavailable(f"{field}: Secret {secret} does not exist") from error
        except Forbidden as error:
            raise _unavailable(f"{field}: {error}") from error
        pem = data.reveal().get(CA_KEY)
        if not pem:
            raise _unavailable(f"{field}: Secret {secret} has no key {CA_KEY!r}")
        return pem

    async def _from_file(self, key: ObjectKey, path: str) -> tuple[bytes, FileVersion]:
        try:
            found = await self._files.read(path)
        except FileUnusable as error:
            field = f"caCertPath of VaultConnection {key}"
            raise _unavailable(f"{field}: {error}") from error
        return found.content.reveal(), found.version


def _check(pem: bytes, source: str, *, skip_verify: bool) -> None:
    # Tried here, where it is known that the source is at fault, not the spec.
    try:
        build_tls(ca_pem=pem, skip_verify=skip_verify)
    except InvalidConnection as error:
        raise _unavailable(f"{source}: {error}") from error


def _unavailable(why: str) -> Refusal:
    return Refusal(Reason.CA_CERTIFICATE_UNAVAILABLE, why)
