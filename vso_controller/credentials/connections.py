"""The Vault clients, one for each VaultConnection, made when first needed.

A client lives as long as what it was made from: another generation of the
VaultConnection or another CA certificate means another client. The CA is read when
a client is made and after somebody lost trust in it, one in a file as soon as that
has changed.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.credentials.authorities import Authorities, Authority
from vso_controller.credentials.bulkhead import Bulkhead
from vso_controller.credentials.connection import Client, Connection
from vso_controller.credentials.turns import Turns
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import AddressNotAllowed, InvalidConnection

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

MakeClient = Callable[[ObjectKey, VaultConnectionSpec, bytes | None], Client]
"""Makes the client of a VaultConnection; the bytes are its CA bundle, if it has one.

Raises InvalidConnection or AddressNotAllowed."""

MakeBulkhead = Callable[[ObjectKey], Bulkhead]
"""Makes the bulkhead of a VaultConnection."""

Forgotten = Callable[[ObjectKey], None]
"""Learns that a VaultConnection is gone."""


class Connections:
    """Keeps one client and one bulkhead for each VaultConnection."""

    def __init__(
        self,
        *,
        authorities: Authorities,
        make_client: MakeClient,
        make_bulkhead: MakeBulkhead,
        forgotten: Forgotten,
    ) -> None:
        self._authorities = authorities
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
            if held is not None and await self._is_current(held, envelope):
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

    async def _is_current(self, held: Connection, envelope: Envelope) -> bool:
        return held.is_current(envelope) and await self._authorities.is_unchanged(
            held.ca_file
        )

    async def _open_anew(
        self, envelope: Envelope, held: Connection | None
    ) -> Connection:
        spec = _parse(envelope)
        ca = await self._authorities.read(envelope.key, spec)
        if held is not None and held.is_made_from(envelope, ca.fingerprint):
            held.is_trusted, held.ca_file = True, ca.file
            return held
        return await self._make(envelope, spec, ca)

    async def _make(
        self, envelope: Envelope, spec: VaultConnectionSpec, ca: Authority
    ) -> Connection:
        client = self._new_client(envelope, spec, ca)
        # No await before the client is in the table, which closes it in the end.
        replaced = self._connections.get(envelope.key)
        made = self._connections[envelope.key] = Connection(
            envelope=envelope,
            ca_fingerprint=ca.fingerprint,
            ca_file=ca.file,
            client=client,
            bulkhead=self.bulkhead(envelope.key),
        )
        if replaced is not None:
            await replaced.retire()
        return made

    def _new_client(
        self, envelope: Envelope, spec: VaultConnectionSpec, ca: Authority
    ) -> Client:
        about = f"VaultConnection {envelope.key}"
        try:
            client = self._make_client(envelope.key, spec, ca.pem)
        except InvalidConnection as error:
            reason = Reason.VAULT_CONNECTION_INVALID
            raise Refusal(reason, f"{about}: {error}") from error
        except AddressNotAllowed as error:
            reason = Reason.VAULT_ADDRESS_NOT_ALLOWED
            raise Refusal(reason, f"{about}: {error}") from error
        if spec.skip_tls_verify:
            log.warning("tls_not_verified", vault_connection=str(envelope.key))
        return client


def _parse(envelope: Envelope) -> VaultConnectionSpec:
    try:
        return parse_spec(VaultConnectionSpec, envelope.spec)
    except Invalid as error:
        raise Refusal(
            Reason.VAULT_CONNECTION_INVALID, f"VaultConnection {envelope.key}: {error}"
        ) from error
