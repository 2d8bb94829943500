"""The Vault clients, one for each VaultConnection, made when first needed.

A client lives as long as what it was made from: another generation of the
VaultConnection or another CA certificate means another client. The CA Secret
is read when a client is made, and again after somebody lost trust in it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.credentials.ports import SecretValues
from vso_controller.domain.features import unsupported_in_connection
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.errors import Gone, Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.vault.errors import InvalidConnection
from vso_controller.vault.ports import Transport

CA_KEY = "ca.crt"


class Client(Transport, Protocol):
    """Carries calls to one Vault until it is closed. `VaultClient` is one."""

    async def close(self) -> None:
        """Close all connections."""
        ...


MakeClient = Callable[[ObjectKey, VaultConnectionSpec, bytes | None], Client]
"""Makes the client of a VaultConnection; the bytes are its CA bundle, if it has one.

Raises InvalidConnection."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and what it was made from."""

    key: ObjectKey
    uid: str
    generation: int
    ca_fingerprint: str  # "" without a CA of its own
    client: Client


class Connections:
    """Keeps one client for each VaultConnection."""

    def __init__(self, *, secrets: SecretValues, make_client: MakeClient) -> None:
        self._secrets = secrets
        self._make_client = make_client
        self._connections: dict[ObjectKey, Connection] = {}
        self._distrusted: set[ObjectKey] = set()
        # Held while a client is made, so that two who ask get one client.
        self._making: dict[ObjectKey, asyncio.Lock] = {}

    async def open(self, envelope: Envelope) -> Connection:
        """Return the connection for the VaultConnection as it is now.

        Raises Refusal where no client can be made, and what reading the CA
        Secret may raise.
        """
        async with self._making.setdefault(envelope.key, asyncio.Lock()):
            held = self._connections.get(envelope.key)
            if held is not None and self._is_current(held, envelope):
                return held
            spec = _parse(envelope)
            ca = await self._ca_of(envelope.key, spec)
            fingerprint = "" if ca is None else hashlib.sha256(ca).hexdigest()
            if held is not None and _same(held, envelope, fingerprint):
                self._distrusted.discard(envelope.key)
                return held
            return await self._make(envelope, spec, ca, fingerprint)

    def distrust(self, key: ObjectKey) -> None:
        """Have the CA certificate read anew when the connection is next opened."""
        if key in self._connections:
            self._distrusted.add(key)

    async def forget(self, key: ObjectKey) -> None:
        """Close the client of a VaultConnection that is gone."""
        self._distrusted.discard(key)
        self._making.pop(key, None)
        held = self._connections.pop(key, None)
        if held is not None:
            await held.client.close()

    async def close(self) -> None:
        """Close all clients."""
        for key in tuple(self._connections):
            await self.forget(key)

    def _is_current(self, held: Connection, envelope: Envelope) -> bool:
        return envelope.key not in self._distrusted and _same(
            held, envelope, held.ca_fingerprint
        )

    async def _make(
        self,
        envelope: Envelope,
        spec: VaultConnectionSpec,
        ca: bytes | None,
        fingerprint: str,
    ) -> Connection:
        try:
            client = self._make_client(envelope.key, spec, ca)
        except InvalidConnection as error:
            raise Refusal(
                Reason.VAULT_CONNECTION_INVALID,
                f"VaultConnection {envelope.key}: {error}",
            ) from error
        # No await before the client is in the table, which closes it in the end.
        replaced = self._connections.get(envelope.key)
        made = self._connections[envelope.key] = Connection(
            envelope.key, envelope.uid, envelope.generation, fingerprint, client
        )
        self._distrusted.discard(envelope.key)
        if replaced is not None:
            await replaced.client.close()
        return made

    async def _ca_of(self, key: ObjectKey, spec: VaultConnectionSpec) -> bytes | None:
        if not spec.ca_cert_secret_ref:
            return None
        secret = ObjectKey(key.namespace, spec.ca_cert_secret_ref)
        try:
            data = await self._secrets.read_data(secret)
        except Gone as error:
            raise _no_ca(key, f"Secret {secret} does not exist") from error
        ca = data.reveal().get(CA_KEY)
        if not ca:
            raise _no_ca(key, f"Secret {secret} has no key {CA_KEY!r}")
        return ca


def _same(held: Connection, envelope: Envelope, fingerprint: str) -> bool:
    made_from = (held.uid, held.generation, held.ca_fingerprint)
    return made_from == (envelope.uid, envelope.generation, fingerprint)


def _no_ca(key: ObjectKey, why: str) -> Refusal:
    return Refusal(
        Reason.CA_CERTIFICATE_UNAVAILABLE,
        f"caCertSecretRef of VaultConnection {key}: {why}",
    )


def _parse(envelope: Envelope) -> VaultConnectionSpec:
    try:
        spec = parse_spec(VaultConnectionSpec, envelope.spec)
    except Invalid as error:
        raise Refusal(
            Reason.VAULT_CONNECTION_INVALID, f"VaultConnection {envelope.key}: {error}"
        ) from error
    refusal = unsupported_in_connection(spec)
    if refusal is not None:
        raise Refusal(
            refusal.reason, f"VaultConnection {envelope.key}: {refusal.message}"
        )
    return spec
