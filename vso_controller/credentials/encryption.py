"""Encrypts what is stored, with the transit key that one VaultAuth names.

It is the VaultAuth of the controller's namespace with the label
`cacheStorageEncryption: "true"`. Its session is used for nothing else: it is kept in
memory alone and logs in when something is to be encrypted and its token has ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultauth import StorageEncryption, VaultAuthSpec
from vso_controller.credentials.connection import Connection
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.logins import IdentityLogin, Logins
from vso_controller.credentials.references import References, ResolvedAuth
from vso_controller.domain.clientcache import (
    ENCRYPTION_LABEL,
    LONGEST_LABEL,
    decode_ciphertext,
    encode_ciphertext,
)
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.vault.additions import AddingTransport
from vso_controller.vault.ports import Transport
from vso_controller.vault.session import VaultSession
from vso_controller.vault.transit import TransitKey


class EncryptionUnavailable(Invalid):
    """There is not exactly one VaultAuth that says how to encrypt."""


class Ciphertextless(Invalid):
    """What is stored is nothing that the transit engine encrypted."""


class Auths(Protocol):
    """The store of VaultAuths."""

    def values(self) -> tuple[Envelope, ...]: ...


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was encrypted, and the name of the VaultAuth that says by what."""

    payload: Secret[bytes]
    by: str


@dataclass(frozen=True, slots=True)
class _Opened:
    made_from: tuple[str, int, str, int, str]
    """Uids and generations, and what the login comes to if it is inherited."""
    connection: Connection
    session: VaultSession


class StorageEncryptor:
    """See the module docstring."""

    def __init__(
        self,
        *,
        auths: Auths,
        references: References,
        connections: Connections,
        logins: Logins,
        make_session: Callable[[Transport, IdentityLogin, str], VaultSession],
        namespace: str,
    ) -> None:
        self._auths = auths
        self._references = references
        self._connections = connections
        self._logins = logins
        self._make_session = make_session
        self._namespace = namespace
        self._opened: _Opened | None = None

    async def seal(self, plaintext: Secret[bytes]) -> Sealed:
        """Return `plaintext`, encrypted.

        Raises EncryptionUnavailable, Refusal, and what Vault's refusals are.
        """
        auth, how = self._encryption()
        async with self._key(auth, how) as key:
            ciphertext = await key.encrypt(plaintext)
        return Sealed(encode_ciphertext(ciphertext), auth.key.name)

    async def unseal(self, sealed: Sealed) -> Secret[bytes]:
        """Return what was encrypted. Raises what `seal` does, and Ciphertextless."""
        auth, how = self._encryption()
        if auth.key.name != sealed.by:
            raise EncryptionUnavailable(
                f"it was encrypted by VaultAuth {sealed.by}, not {auth.key.name}"
            )
        ciphertext = decode_ciphertext(sealed.payload)
        if ciphertext is None:
            raise Ciphertextless("the entry holds no ciphertext")
        async with self._key(auth, how) as key:
            return await key.decrypt(ciphertext)

    def clear(self) -> None:
        """Forget the session. Its token is left to end."""
        self._opened = None

    def _encryption(self) -> tuple[Envelope, StorageEncryption]:
        found = [
            auth
            for auth in self._auths.values()
            if auth.key.namespace == self._namespace
            and auth.labels.get(ENCRYPTION_LABEL) == "true"
            and not auth.deleting
        ]
        if len(found) != 1:
            names = ", ".join(sorted(auth.key.name for auth in found)) or "none"
            raise EncryptionUnavailable(
                f"exactly one VaultAuth of namespace {self._namespace} must have the "
                f'label {ENCRYPTION_LABEL}: "true"; it is on: {names}'
            )
        return found[0], _described(found[0])

    @asynccontextmanager
    async def _key(
        self, auth: Envelope, how: StorageEncryption
    ) -> AsyncIterator[TransitKey]:
        consumer = ObjectKey(self._namespace, auth.key.name)
        resolved = self._references.auth_of(consumer, auth.key.name)
        connection = await self._connections.open(resolved.connection)
        opened = self._open(resolved, connection)
        async with connection.in_use():
            yield TransitKey(sender=opened.session, mount=how.mount, name=how.key_name)

    def _open(self, resolved: ResolvedAuth, connection: Connection) -> _Opened:
        auth, opened = resolved.auth, self._opened
        made_from = (
            *(auth.uid, auth.generation),
            *(connection.uid, connection.generation),
            resolved.inherited,
        )
        if (
            opened is not None
            and opened.made_from == made_from
            and opened.connection is connection
        ):
            return opened
        transport = AddingTransport(
            connection,
            headers=resolved.login.headers,
            login_query=resolved.login.params,
        )
        login = self._logins.login(resolved.login, self._namespace)
        session = self._make_session(transport, login, resolved.login.namespace)
        self._opened = _Opened(made_from, connection, session)
        return self._opened


def _described(auth: Envelope) -> StorageEncryption:
    about = f"VaultAuth {auth.key}"
    try:
        spec = parse_spec(VaultAuthSpec, auth.spec)
    except Invalid as error:
        raise EncryptionUnavailable(f"{about}: {error}") from error
    if spec.storage_encryption is None:
        raise EncryptionUnavailable(f"{about}: not set: spec.storageEncryption")
    if len(auth.key.name) > LONGEST_LABEL:
        raise EncryptionUnavailable(
            f"{about}: a name of more than {LONGEST_LABEL} characters is no label"
        )
    return spec.storage_encryption
