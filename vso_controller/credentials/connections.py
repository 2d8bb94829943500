"""The Vault clients, one for each VaultConnection, made when first needed.

A client lives as long as what it was made from: another generation of the
VaultConnection or another CA certificate means another client. The CA Secret
is read when a client is made, and again after somebody lost trust in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.credentials.bulkhead import Bulkhead
from vso_controller.credentials.connection import Client, Connection
from vso_controller.credentials.ports import SecretValues
from vso_controller.credentials.turns import Turns
from vso_controller.domain.features import unsupported_in_connection
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.errors import Gone, Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.kube.errors import Forbidden
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import InvalidConnection
from vso_controller.vault.tls import build_tls

CA_KEY = "ca.crt"


MakeClient = Callable[[ObjectKey, VaultConnectionSpec, bytes | None], Client]
"""Makes the client of a VaultConnection; the bytes are its CA bundle, if it has one.

Raises InvalidConnection."""

MakeBulkhead = Callable[[ObjectKey], Bulkhead]
"""Makes the bulkhead of a VaultConnection."""

Forgotten = Callable[[ObjectKey], None]
"""Learns that a VaultConnection is gone."""


class Connections:
    """Keeps one client and one bulkhead for each VaultConnection."""

    def __init__(
        self,
        *,
        secrets: SecretValues,
        make_client: MakeClient,
        make_bulkhead: MakeBulkhead,
        forgotten: Forgotten,
    ) -> None:
        self._secrets = secrets
        self._make_client = make_client
        self._make_bulkhead = make_bulkhead
        self._forgotten = forgotten
        self._connections: dict[ObjectKey, Connection] = {}
        # Of each VaultConnection that was ever opened, also in vain.
        self._bulkheads: dict[ObjectKey, Bulkhead] = {}
        # Two who ask get one client, and none is left of what is forgotten meanwhile.
        self._turns: Turns[ObjectKey] = Turns()

    async def open(self, envelope: Envelope) -> Connection:
        """Return the connection for the VaultConnection as it is now.

        Raises Refusal where no client can be made, and what reading the CA
        Secret may raise.
        """
        async with self._turns.take(envelope.key):
            held = self._connections.get(envelope.key)
            if held is not None and held.is_current(envelope):
                return held
            try:
                return await self._open_anew(envelope, held)
            except Refusal as refusal:
                self.bulkhead(envelope.key).shut(refusal)
                raise

    def bulkhead(self, key: ObjectKey) -> Bulkhead:
        """Return the bulkhead of a VaultConnection."""
        found = self._bulkheads.get(key)
        if found is None:
            found = self._bulkheads[key] = self._make_bulkhead(key)
        return found

    def leave_lines(self, key: ObjectKey, priority: Priority) -> None:
        """Take a key out of every line that will not come any more."""
        for bulkhead in self._bulkheads.values():
            bulkhead.forget(key, priority)

    async def forget(self, key: ObjectKey) -> None:
        """Let go of the client of a VaultConnection that is gone."""
        async with self._turns.take(key):
            held = self._connections.pop(key, None)
            if held is not None:
                await held.retire()
            bulkhead = self._bulkheads.pop(key, None)
            if bulkhead is not None:
                bulkhead.close()
            self._forgotten(key)

    async def close(self) -> None:
        """Let go of all clients."""
        for key in {*self._connections, *self._bulkheads}:
            await self.forget(key)

    async def _open_anew(
        self, envelope: Envelope, held: Connection | None
    ) -> Connection:
        spec = _parse(envelope)
        ca = await self._ca_of(envelope.key, spec)
        fingerprint = "" if ca is None else hashlib.sha256(ca).hexdigest()
        if held is not None and held.is_made_from(envelope, fingerprint):
            held.is_trusted = True
            return held
        return await self._make(envelope, spec, ca, fingerprint)

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
            envelope=envelope,
            ca_fingerprint=fingerprint,
            client=client,
            bulkhead=self.bulkhead(envelope.key),
        )
        if replaced is not None:
            await replaced.retire()
        return made

    async def _ca_of(self, key: ObjectKey, spec: VaultConnectionSpec) -> bytes | None:
        if not spec.ca_cert_secret_ref:
            return None
        secret = ObjectKey(key.namespace, spec.ca_cert_secret_ref)
        try:
            data = await self._secrets.read_data(secret)
        except Gone as error:
            raise _no_ca(key, f"Secret {secret} does not exist") from error
        except Forbidden as error:
            raise _no_ca(key, str(error)) from error
        ca = data.reveal().get(CA_KEY)
        if not ca:
            raise _no_ca(key, f"Secret {secret} has no key {CA_KEY!r}")
        try:
            # Tried here, where it is known that the Secret is at fault, not the spec.
            build_tls(ca_pem=ca, skip_verify=spec.skip_tls_verify)
        except InvalidConnection as error:
            raise _no_ca(key, f"Secret {secret}: {error}") from error
        return ca


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
