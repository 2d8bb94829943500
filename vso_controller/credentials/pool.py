"""The sessions with Vault, one for each identity that resources log in with.

An identity is a VaultAuth with what it inherits and a VaultConnection, as they are now,
seen from one namespace: resources that agree on these share a session and its login. It
is kept while somebody uses it; this pool, as a reconciler, renews its token. Reads and
renewals need a turn in the bulkhead of their VaultConnection: else they raise Parked.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from vso_controller.api.v1beta1.shared import VaultClientMeta
from vso_controller.credentials.answers import Question
from vso_controller.credentials.connection import Connection
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.keeper import Kept
from vso_controller.credentials.loginresults import LoginRecord, LoginResults
from vso_controller.credentials.logins import IdentityLogin, Logins
from vso_controller.credentials.reads import SharedReads
from vso_controller.credentials.references import References, ResolvedAuth
from vso_controller.credentials.watching import CredentialSecrets
from vso_controller.domain.clientcache import Part
from vso_controller.domain.reasons import Reason, Refusal, Retry, Scope
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed, Transient
from vso_controller.foundation.metrics import SessionStanding
from vso_controller.foundation.objects import Envelope, ObjectKey, ObjectVersion
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.additions import AddingTransport
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.errors import TlsVerificationFailed
from vso_controller.vault.ports import TokenKeeper, Transport
from vso_controller.vault.requests import VaultReply
from vso_controller.vault.session import VaultSession

MakeSession = Callable[[Transport, IdentityLogin, str, TokenKeeper], VaultSession]
"""Makes the session of a login to a Vault namespace."""

Wake = Callable[[ObjectKey], None]
"""Has a session, or one of its consumers, looked at soon."""


class Keepers(Protocol):
    """Keeps the tokens of sessions from one process to the next."""

    def keeper(self, kept: Kept, auth: Envelope) -> TokenKeeper:
        """Return what keeps the token of a session that is about to be opened."""
        ...

    def give_up(self, keeper: TokenKeeper) -> None:
        """Learn that nobody uses the session any more."""
        ...


class Records(Protocol):
    """Records which token ends when, for who comes after this process."""

    def note(self, client_id: str, *, cache_key: str, ends: float) -> None:
        """Take in that a token ends at `ends` on the boot clock."""
        ...


_FILE_PERIOD = 60.0
"""Seconds between two looks at a file that a session logs in with."""

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
    inherited: str = ""  # what the login comes to; "" if the VaultAuth says it all

    @property
    def key(self) -> ObjectKey:
        """The name of the session of this identity, for queues and logs."""
        parts = (
            self.auth_uid,
            str(self.auth_generation),
            self.connection_uid,
            str(self.connection_generation),
            self.ca_fingerprint,
            self.inherited,
        )
        digest = hashlib.sha256("/".join(parts).encode()).hexdigest()
        return ObjectKey(self.namespace, digest[:16])


@dataclass(slots=True)
class _Entry:
    login: IdentityLogin
    session: VaultSession
    connection: Connection
    kept: Kept
    keeper: TokenKeeper
    results: LoginRecord
    consumers: set[ObjectKey] = field(default_factory=set)
    # The `next_renewal` that the renewing controller knows of.
    renewal: float | None = None
    # The token that the records know of, and its end.
    recorded: tuple[str, float | None] | None = None
    # Whether the credentials are others by now, as far as a watch can tell.
    is_suspect: bool = False


class ConsumerSession:
    """A session in the hands of one consumer: it reads, no more."""

    def __init__(
        self,
        *,
        pool: SessionPool,
        consumer: ObjectKey,
        key: ObjectKey,
        entry: _Entry,
        since: float,
    ) -> None:
        self._pool = pool
        self._consumer = consumer
        self._entry = entry
        self._since = since
        self.key = key

    @property
    def meta(self) -> VaultClientMeta | None:
        """What statuses say of the session; None before it has logged in."""
        key, client_id = self._entry.kept.cache_key(), self._entry.session.client_id
        if not key or not client_id:
            return None
        return VaultClientMeta(cache_key=key, id=client_id)

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        """Read `path` of Vault; a namespace of None is that of the VaultAuth.

        The answer may be shared with others of the same identity, so what is read must
        not issue anything. Raises Parked if it is not the turn of the consumer; an
        answer that is kept needs no turn.
        """
        entry, session = self._entry, self._entry.session
        question = Question(
            connection=entry.connection.key,
            session=session,
            namespace=session.namespace if namespace is None else namespace,
            path=path,
            query=frozenset((query or {}).items()),
        )
        bulkhead = entry.connection.bulkhead
        if self._pool.is_kept(question, since=self._since):
            bulkhead.forget(self._consumer, Priority.READ)  # one may be kept for it
            return await self._pool.read(self.key, entry, question, since=self._since)
        with bulkhead.turn(self._consumer, Priority.READ):
            return await self._pool.read(self.key, entry, question, since=self._since)


class SessionPool:
    """Opens sessions for consumers and, as a reconciler, renews their tokens."""

    def __init__(
        self,
        *,
        references: References,
        connections: Connections,
        logins: Logins,
        secrets: CredentialSecrets,
        reads: SharedReads,
        make_session: MakeSession,
        keepers: Keepers,
        records: Records,
        results: LoginResults,
        clock: Clock,
        wake: Wake,
        wake_consumer: Wake,
    ) -> None:
        self._references = references
        self._connections = connections
        self._logins = logins
        self._secrets = secrets
        self._reads = reads
        self._make_session = make_session
        self._keepers = keepers
        self._records = records
        self._results = results
        self._clock = clock
        self._wake = wake
        self._wake_consumer = wake_consumer
        self._entries: dict[ObjectKey, _Entry] = {}
        # Inverse of `consumers` of the entries: each consumer is in one at most.
        self._uses: dict[ObjectKey, ObjectKey] = {}

    def __len__(self) -> int:
        return len(self._entries)

    async def open(
        self,
        consumer: ObjectKey,
        auth_reference: str | None,
        *,
        since: float = math.inf,
    ) -> ConsumerSession:
        """Return the session that `consumer` reads with. It logs in when first used.

        Reads share what others of the identity asked at `since` (loop clock) or later.

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
        identity = _identity(resolved, connection, consumer.namespace)
        key = identity.key
        entry = self._entries.get(key)
        if entry is None or entry.connection is not connection:
            entry = self._new_entry(entry, identity, resolved, connection)
        self._use(consumer, key, entry)
        return ConsumerSession(
            pool=self, consumer=consumer, key=key, entry=entry, since=since
        )

    def release(self, consumer: ObjectKey) -> None:
        """Forget a consumer that is gone, and its session if it was the last one.

        The token of a session that nobody uses is left to end by itself, and is not
        kept for the next process.
        """
        entry = self._let_go(consumer)
        if entry is not None:
            self._keepers.give_up(entry.keeper)

    def clear(self) -> None:
        """Forget all consumers and sessions. Their tokens wait for who leads next."""
        for consumer in tuple(self._uses):
            self._let_go(consumer)
        self._reads.clear()

    def _let_go(self, consumer: ObjectKey) -> _Entry | None:
        """Forget a consumer; return what was its session alone, and is forgotten."""
        self._connections.leave_lines(consumer, Priority.READ)
        key = self._uses.pop(consumer, None)
        if key is None:
            return None
        entry = self._entries[key]
        entry.consumers.discard(consumer)
        if entry.consumers:
            return None
        self._secrets.release(entry.login.source.secret, session=key)
        del self._entries[key]
        entry.results.end()
        self._reads.forget(entry.session)
        self._connections.leave_lines(key, Priority.RENEWAL)
        return entry

    def secret_changed(
        self, old: ObjectVersion | None, new: ObjectVersion | None
    ) -> None:
        """Have the sessions looked at that log in with a Secret that changed."""
        changed = new or old
        if changed is None:
            return
        for key in self._secrets.sessions_of(changed.key):
            entry = self._entries[key]
            if new is None or not entry.login.source.has_seen(new):
                entry.is_suspect = True
                self._wake(key)

    def is_kept(self, question: Question, *, since: float) -> bool:
        """Whether there is an answer from `since` or later already."""
        return self._reads.is_kept(question, since=since)

    async def read(
        self,
        key: ObjectKey,
        entry: _Entry,
        question: Question,
        *,
        since: float,
    ) -> VaultReply:
        """Return what Vault says to the session of `entry`, since `since` or later."""
        return await self._reads.read(
            question, since=since, ask=lambda: self._ask(key, entry, question)
        )

    async def _ask(
        self, key: ObjectKey, entry: _Entry, question: Question
    ) -> VaultReply:
        """Read with the session of `entry`, and see to it that it is renewed."""
        try:
            async with entry.connection.in_use():
                with entry.results.noting(entry.session):
                    return await entry.session.read(
                        question.path,
                        query=dict(question.query),
                        namespace=question.namespace,
                    )
        except TlsVerificationFailed:
            entry.connection.is_trusted = False
            raise
        finally:
            self._record(entry)
            if entry.session.next_renewal != entry.renewal:
                self._wake(key)

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Renew the token of the session `key` if that is due, and say when it is.

        Raises what kept it from being renewed; the token is used until it ends.
        """
        entry = self._entries.get(key)
        if entry is None or entry.connection.is_retired:
            return Outcome()
        with (
            self._recording(entry),
            entry.connection.bulkhead.turn(key, Priority.RENEWAL),
            entry.results.noting(entry.session),
        ):
            async with entry.connection.in_use():
                # A renewal needs nobody but Vault, and waits for nobody else.
                await entry.session.renew()
                await self._reconsider(key, entry)
        entry.renewal = entry.session.next_renewal
        return Outcome(self._until_next(entry))

    def keys(self) -> tuple[ObjectKey, ...]:
        """Return the names of all sessions."""
        return tuple(self._entries)

    def standings(self) -> Iterator[SessionStanding]:
        """Tell of every session over which VaultConnection it goes, and how long."""
        boot, now = self._clock.boot(), self._clock.now()
        for entry in self._entries.values():
            ends = entry.session.ends
            yield SessionStanding(
                connection=entry.connection.key,
                method=entry.login.name,
                ends=None if ends is None else now + ends - boot,
            )

    @contextmanager
    def _recording(self, entry: _Entry) -> Iterator[None]:
        """Have it recorded which token the session has after the block, and its end."""
        try:
            yield
        finally:
            self._record(entry)

    def _record(self, entry: _Entry) -> None:
        session = entry.session
        seen = (session.client_id, session.ends)
        if seen == entry.recorded or session.ends is None or not session.client_id:
            return
        entry.recorded = seen
        self._records.note(
            session.client_id, cache_key=entry.kept.cache_key(), ends=session.ends
        )

    async def _reconsider(self, key: ObjectKey, entry: _Entry) -> None:
        """See to it that a session whose credentials changed uses the new ones."""
        if not entry.is_suspect and not await entry.login.source.has_changed():
            return
        entry.is_suspect = False
        try:
            is_news = await entry.session.reconsider()
        except Transient:
            entry.is_suspect = True
            raise
        except OperationFailed:
            self._wake_consumers(entry)
            raise
        log.info("credentials_changed", session=str(key), news=is_news)
        if is_news:
            self._wake_consumers(entry)

    def _wake_consumers(self, entry: _Entry) -> None:
        for consumer in tuple(entry.consumers):
            self._wake_consumer(consumer)

    def _until_next(self, entry: _Entry) -> float | None:
        """Return the seconds to the next look at a session; None: when it is used."""
        waits = []
        if entry.renewal is not None:
            waits.append(max(0.0, entry.renewal - self._clock.monotonic()))
        if entry.login.source.needs_looking:
            waits.append(_FILE_PERIOD)
        return min(waits, default=None)

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
        identity: Identity,
        resolved: ResolvedAuth,
        connection: Connection,
    ) -> _Entry:
        """Return a new entry for `identity`, with the consumers of the one there was.

        There was one if a CA was replaced and has come back: its client is closed.
        """
        key = identity.key
        login = self._logins.login(resolved.login, key.namespace)
        transport = AddingTransport(
            connection.transport,
            headers=resolved.login.headers,
            login_query=resolved.login.params,
        )
        kept = _kept(resolved, connection, login, key.namespace)
        keeper = self._keepers.keeper(kept, resolved.auth)
        session = self._make_session(transport, login, resolved.login.namespace, keeper)
        consumers: set[ObjectKey] = set()
        if entry is not None:
            consumers = entry.consumers
            entry.results.end()
            self._reads.forget(entry.session)
        self._secrets.follow(login.source.secret, session=key)
        if login.source.needs_looking:
            self._wake(key)
        log.info(
            "session_opened",
            session=str(key),
            vault_auth=str(resolved.auth.key),
            vault_connection=str(connection.key),
        )
        results = self._results.begin(resolved.auth, key)
        made = self._entries[key] = _Entry(
            login, session, connection, kept, keeper, results, consumers
        )
        return made


def _kept(
    resolved: ResolvedAuth, connection: Connection, login: IdentityLogin, namespace: str
) -> Kept:
    auth = resolved.auth
    return Kept(
        auth=Part(auth.key.namespace, auth.uid, auth.generation),
        connection=Part(
            connection.key.namespace, connection.uid, connection.generation
        ),
        namespace=namespace,
        described=resolved.login,
        login=login,
        is_inherited=bool(resolved.inherited),
    )


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
        inherited=resolved.inherited,
    )
