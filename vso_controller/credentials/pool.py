"""The sessions with Vault, one for each identity that resources log in with.

An identity is a VaultAuth and a VaultConnection, each in one generation, seen
from one namespace: resources that agree on these share a session and its one
login. A session is kept while somebody uses it; its token is renewed by the
controller that this pool is the reconciler of. Reads and renewals need a turn in the
bulkhead of their VaultConnection: without one they raise Parked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from vso_controller.credentials.connection import Connection
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.ports import TokenRequester
from vso_controller.credentials.references import References, ResolvedAuth
from vso_controller.domain.login import KubernetesLogin
from vso_controller.domain.reasons import Reason, Refusal, Retry, Scope
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Gone
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import Forbidden, Unprocessable
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.auth import kubernetes
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import TlsVerificationFailed
from vso_controller.vault.ports import LoginMethod, Transport
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession

MakeSession = Callable[[Transport, LoginMethod, str], VaultSession]
"""Makes the session of a login; the text is the Vault namespace to log in to."""

Wake = Callable[[ObjectKey], None]
"""Has a session looked at soon."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who logs in to which Vault."""

    auth_uid: str
    auth_generation: int
    connection_uid: str
    connection_generation: int
    ca_fingerprint: str
    namespace: str  # of the consumer: where its ServiceAccount lies

    @property
    def key(self) -> ObjectKey:
        """The name of the session of this identity, for queues and logs."""
        parts = (
            self.auth_uid,
            str(self.auth_generation),
            self.connection_uid,
            str(self.connection_generation),
            self.ca_fingerprint,
        )
        digest = hashlib.sha256("/".join(parts).encode()).hexdigest()
        return ObjectKey(self.namespace, digest[:16])


@dataclass(slots=True)
class _Entry:
    session: VaultSession
    connection: Connection
    consumers: set[ObjectKey] = field(default_factory=set)
    # The `next_renewal` that the renewing controller knows of.
    renewal: float | None = None


class ConsumerSession:
    """A session in the hands of one consumer: it reads, no more."""

    def __init__(
        self,
        *,
        pool: SessionPool,
        consumer: ObjectKey,
        key: ObjectKey,
        entry: _Entry,
    ) -> None:
        self._pool = pool
        self._consumer = consumer
        self._entry = entry
        self.key = key

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        """Read `path` of Vault; a namespace of None is that of the VaultAuth.

        Raises Parked if it is not the turn of the consumer.
        """
        with self._entry.connection.bulkhead.turn(self._consumer, Priority.READ):
            return await self._pool.read(
                self.key, self._entry, path, query=query, namespace=namespace
            )


class SessionPool:
    """Opens sessions for consumers and, as a reconciler, renews their tokens."""

    def __init__(
        self,
        *,
        references: References,
        connections: Connections,
        tokens: TokenRequester,
        make_session: MakeSession,
        clock: Clock,
        wake: Wake,
    ) -> None:
        self._references = references
        self._connections = connections
        self._tokens = tokens
        self._make_session = make_session
        self._clock = clock
        self._wake = wake
        self._entries: dict[ObjectKey, _Entry] = {}
        # Inverse of `consumers` of the entries: each consumer is in one at most.
        self._uses: dict[ObjectKey, ObjectKey] = {}

    def __len__(self) -> int:
        return len(self._entries)

    async def open(
        self, consumer: ObjectKey, auth_reference: str | None
    ) -> ConsumerSession:
        """Return the session that `consumer` reads with. It logs in when first used.

        Raises Refusal where the references or the VaultConnection do not allow one,
        Parked where that may change without an edit of the VaultConnection.
        """
        try:
            resolved = self._references.auth_of(consumer, auth_reference)
        except Refusal:
            # Who may not log in any more shall not keep a token alive.
            self.release(consumer)
            raise
        connection = await self._open_connection(consumer, resolved.connection)
        key = _identity(resolved, connection, consumer.namespace).key
        entry = self._entries.get(key)
        if entry is None or entry.connection is not connection:
            entry = self._new_entry(entry, key, resolved, connection)
        self._use(consumer, key, entry)
        return ConsumerSession(pool=self, consumer=consumer, key=key, entry=entry)

    def release(self, consumer: ObjectKey) -> None:
        """Forget a consumer that is gone, and its session if it was the last one.

        The token of a session that nobody uses is left to end by itself.
        """
        self._connections.leave_lines(consumer, Priority.READ)
        key = self._uses.pop(consumer, None)
        if key is None:
            return
        entry = self._entries[key]
        entry.consumers.discard(consumer)
        if not entry.consumers:
            del self._entries[key]
            self._connections.leave_lines(key, Priority.RENEWAL)

    def clear(self) -> None:
        """Forget all consumers and sessions. Their tokens are left to end."""
        self._entries.clear()
        self._uses.clear()

    async def read(
        self,
        key: ObjectKey,
        entry: _Entry,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None,
        namespace: str | None,
    ) -> VaultReply:
        """Read with the session of `entry`, and see to it that it is renewed."""
        try:
            async with entry.connection.in_use():
                return await entry.session.read(path, query=query, namespace=namespace)
        except TlsVerificationFailed:
            entry.connection.is_trusted = False
            raise
        finally:
            if entry.session.next_renewal != entry.renewal:
                self._wake(key)

    async def reconcile(self, key: ObjectKey) -> Outcome:
        """Renew the token of the session `key` if that is due, and say when it is.

        Raises what kept it from being renewed; the token is used until it ends.
        """
        entry = self._entries.get(key)
        if entry is None or entry.connection.is_retired:
            return Outcome()
        with entry.connection.bulkhead.turn(key, Priority.RENEWAL):
            async with entry.connection.in_use():
                await entry.session.renew()
        entry.renewal = entry.session.next_renewal
        if entry.renewal is None:
            return Outcome()
        return Outcome(max(0.0, entry.renewal - self._clock.monotonic()))

    def keys(self) -> tuple[ObjectKey, ...]:
        """Return the names of all sessions."""
        return tuple(self._entries)

    def _use(self, consumer: ObjectKey, key: ObjectKey, entry: _Entry) -> None:
        if self._uses.get(consumer, key) != key:
            self.release(consumer)
        self._uses[consumer] = key
        entry.consumers.add(consumer)

    async def _open_connection(
        self, consumer: ObjectKey, envelope: Envelope
    ) -> Connection:
        try:
            return await self._connections.open(envelope)
        except Refusal as refusal:
            if refusal.failure.facts.retry is Retry.BACK_OFF:
                bulkhead = self._connections.bulkhead(envelope.key)
                raise bulkhead.park(consumer, Priority.READ) from refusal
            if refusal.failure.facts.scope is not Scope.SPEC:
                raise
            # It is not the spec of the consumer that is at fault.
            raise Refusal(Reason.VAULT_CONNECTION_INVALID, str(refusal)) from refusal

    def _new_entry(
        self,
        entry: _Entry | None,
        key: ObjectKey,
        resolved: ResolvedAuth,
        connection: Connection,
    ) -> _Entry:
        """Return a new entry for `key`, with the consumers of the one there was.

        There was one if a CA was replaced and has come back: its client is closed.
        """
        session = self._new_session(resolved, connection, key.namespace)
        consumers = set() if entry is None else entry.consumers
        log.info(
            "session_opened",
            session=str(key),
            vault_auth=str(resolved.auth.key),
            vault_connection=str(connection.key),
        )
        self._entries[key] = _Entry(session, connection, consumers)
        return self._entries[key]

    def _new_session(
        self, resolved: ResolvedAuth, connection: Connection, namespace: str
    ) -> VaultSession:
        login = resolved.login
        account = ObjectKey(namespace, login.service_account)
        method = kubernetes.KubernetesLogin(
            mount=login.mount,
            role=login.role,
            headers=login.headers,
            request_token=lambda: self._request_token(account, login),
        )
        return self._make_session(connection.transport, method, login.namespace)

    async def _request_token(
        self, account: ObjectKey, login: KubernetesLogin
    ) -> Secret[str]:
        try:
            return await self._tokens.request_token(
                account,
                audiences=login.audiences,
                expiration_seconds=login.expiration_seconds,
            )
        except Gone as error:
            raise Refusal(
                Reason.SERVICE_ACCOUNT_NOT_FOUND,
                f"ServiceAccount {account} does not exist",
            ) from error
        except (Forbidden, Unprocessable) as error:
            raise Refusal(Reason.SERVICE_ACCOUNT_TOKEN_REFUSED, str(error)) from error


def _identity(
    resolved: ResolvedAuth, connection: Connection, namespace: str
) -> Identity:
    return Identity(
        auth_uid=resolved.auth.uid,
        auth_generation=resolved.auth.generation,
        connection_uid=connection.uid,
        connection_generation=connection.generation,
        ca_fingerprint=connection.ca_fingerprint,
        namespace=namespace,
    )
