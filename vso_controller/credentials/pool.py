"""The sessions with Vault, one for each identity that resources log in with.

An identity is a VaultAuth with what it inherits and a VaultConnection, as they are now,
seen from one namespace: resources that agree on these share a session and its one
login. A session is kept while somebody uses it or a lease hangs on one of its tokens,
unless there are too many of those that none hangs on; tokens are renewed by the
controller that this pool is the reconciler of. Reads and renewals need a turn in the
bulkhead of their VaultConnection: without one they raise Parked.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count, islice
from typing import Protocol

import structlog

from vso_controller.credentials.answers import Question
from vso_controller.credentials.connection import Connection
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.credentials.farewell import say_farewell
from vso_controller.credentials.holds import Holds, IssuedTo, LeaseHold
from vso_controller.credentials.identities import (
    Entry,
    Identity,
    identity_of,
    kept_of,
)
from vso_controller.credentials.keeper import Kept
from vso_controller.credentials.loginresults import LoginResults
from vso_controller.credentials.logins import IdentityLogin, Logins
from vso_controller.credentials.reads import SharedReads
from vso_controller.credentials.references import References, ResolvedAuth
from vso_controller.credentials.watching import CredentialSecrets
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
from vso_controller.vault.requests import VaultReply, VaultRequest
from vso_controller.vault.session import VaultSession
from vso_controller.vault.tenure import Issued, TokenHold

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
        most: int,
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
        self.most = most  # sessions at the same time
        self._holds = Holds(wake=wake_consumer)
        # The one that was opened last is the last.
        self._entries: dict[ObjectKey, Entry] = {}
        # Inverse of `consumers` of the entries: each consumer is in one at most.
        self._uses: dict[ObjectKey, ObjectKey] = {}
        self._evictions = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def evictions(self) -> int:
        """How many sessions were let go of because there were too many."""
        return self._evictions

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
            # Who may not log in any more shall not keep a token alive, but for leases.
            self.release(consumer)
            raise
        connection = await self._open_connection(consumer, resolved.connection)
        identity = identity_of(resolved, connection, consumer.namespace)
        entry = self._entries.get(identity.key)
        if entry is None or entry.connection is not connection:
            entry = self._new_entry(entry, identity, resolved, connection)
        self._entries.pop(entry.key, None)
        self._entries[entry.key] = entry
        self._use(consumer, entry)
        return ConsumerSession(
            pool=self, consumer=consumer, key=entry.key, entry=entry, since=since
        )

    def release(self, consumer: ObjectKey) -> None:
        """Forget a consumer that is gone, and its session if it was the last one.

        The token of a session that nobody uses is left to end by itself, and is not
        kept for the next process. What the consumer holds is its own to release.
        """
        entry = self._let_go(consumer)
        if entry is not None:
            self._keepers.give_up(entry.keeper)

    def holds(self, consumer: ObjectKey) -> tuple[LeaseHold, ...]:
        """Return what `consumer` holds, the oldest first."""
        return self._holds.of(consumer)

    async def say_farewell(self, *, within: float, revoke: bool) -> None:
        """Tell Vault that this process ends (see `farewell`), when nobody asks."""
        await say_farewell(self._entries.values(), within=within, revoke=revoke)

    async def clear(self) -> None:
        """Forget all consumers, holds and sessions. Their tokens are left as they are.

        Those that are kept wait for who leads next.
        """
        for consumer in tuple(self._uses):
            self._let_go(consumer)
        await self._holds.release_all()
        self._reads.clear()

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
        self, entry: Entry, question: Question, *, since: float
    ) -> VaultReply:
        """Return what Vault says to the session of `entry`, since `since` or later."""
        return await self._reads.read(
            question, since=since, ask=lambda: self._ask(entry, question)
        )

    async def issue(
        self,
        consumer: ObjectKey,
        entry: Entry,
        issue: Callable[[VaultSession], Awaitable[Issued]],
    ) -> IssuedTo:
        """Have something issued to `consumer`; entry and client are kept for it."""
        async with self._keeping(entry) as kept:
            async with self._asking(entry):
                issued = await issue(entry.session)
                kept.callback(issued.hold.release)
            hold = self._held(consumer, entry, issued.hold, kept)
        return IssuedTo(issued.reply, hold)

    async def hold(
        self,
        consumer: ObjectKey,
        entry: Entry,
        hold: Callable[[VaultSession], Awaitable[TokenHold | None]],
    ) -> LeaseHold | None:
        """Hold a token for `consumer`, if the session has it; entry and client too."""
        async with self._keeping(entry) as kept:
            async with self._asking(entry):
                token = await hold(entry.session)
                if token is None:
                    return None
                kept.callback(token.release)
            return self._held(consumer, entry, token, kept)

    async def send(self, entry: Entry, request: VaultRequest) -> VaultReply:
        """Send a call with the session of `entry`."""
        async with self._asking(entry):
            return await entry.session.send(request)

    @asynccontextmanager
    async def _keeping(self, entry: Entry) -> AsyncIterator[AsyncExitStack]:
        """Keep entry and client for the block, or until the stack that is left ends."""
        async with AsyncExitStack() as kept:
            kept.callback(self._drop_if_abandoned, entry)
            kept.enter_context(entry.held())
            await kept.enter_async_context(entry.connection.in_use())
            yield kept

    def _held(
        self, consumer: ObjectKey, entry: Entry, token: TokenHold, kept: AsyncExitStack
    ) -> LeaseHold:
        return self._holds.add(
            consumer,
            token,
            session=entry.session,
            connection=entry.connection,
            kept=kept.pop_all(),
        )

    async def _ask(self, entry: Entry, question: Question) -> VaultReply:
        async with self._asking(entry):
            return await entry.session.read(
                question.path,
                query=dict(question.query),
                namespace=question.namespace,
            )

    @asynccontextmanager
    async def _asking(self, entry: Entry) -> AsyncIterator[None]:
        """Use the session of `entry`, and see to it that it is renewed."""
        try:
            async with entry.connection.in_use():
                with entry.results.noting(entry.session):
                    yield
        except TlsVerificationFailed:
            entry.connection.is_trusted = False
            raise
        finally:
            self._record(entry)
            if entry.has_news:
                self._wake(entry.key)

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Renew the tokens of the session `key` that are due, and say when it is next.

        Raises what kept one from being renewed; it is used until it ends.
        """
        entry = self._entries.get(key)
        if entry is None or (entry.connection.is_retired and not entry.holders):
            return Outcome()
        if entry.connection.is_retired:
            entry.session.retire()  # whoever reads gets another session
        try:
            with (
                entry.connection.turn(key, Priority.RENEWAL),
                entry.results.noting(entry.session),
            ):
                async with entry.connection.in_use():
                    # A renewal needs nobody but Vault, and waits for nobody else.
                    await entry.session.renew()
                    await self._reconsider(entry)
        finally:
            self._record(entry)
            self._holds.tell(entry.session)
        entry.look()
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

    def _record(self, entry: Entry) -> None:
        """Have it recorded which tokens the session has now, and their ends."""
        cache_key = entry.kept.cache_key()
        for client_id, ends in entry.unrecorded():
            self._records.note(client_id, cache_key=cache_key, ends=ends)

    async def _reconsider(self, entry: Entry) -> None:
        """See to it that a session whose credentials changed uses the new ones."""
        if not entry.consumers:
            return
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
        log.info("credentials_changed", session=str(entry.key), news=is_news)
        if is_news:
            self._wake_consumers(entry)

    def _wake_consumers(self, entry: Entry) -> None:
        for consumer in tuple(entry.consumers):
            self._wake_consumer(consumer)

    def _until_next(self, entry: Entry) -> float | None:
        """Return the seconds to the next look at a session; None: when it is used."""
        waits = []
        if entry.renewal is not None:
            waits.append(max(0.0, entry.renewal - self._clock.monotonic()))
        if entry.login.source.needs_looking and entry.consumers:
            waits.append(_FILE_PERIOD)
        return min(waits, default=None)

    def _use(self, consumer: ObjectKey, entry: Entry) -> None:
        if self._uses.get(consumer, entry.key) != entry.key:
            self.release(consumer)
        if not entry.consumers:
            entry.results.resume()
            self._secrets.follow(entry.login.source.secret, session=entry.key)
            if entry.login.source.needs_looking:
                self._wake(entry.key)
        self._uses[consumer] = entry.key
        entry.consumers.add(consumer)

    def _let_go(self, consumer: ObjectKey) -> Entry | None:
        """Forget a consumer; return what was its session alone, and is used no more."""
        self._connections.leave_lines(consumer, Priority.READ)
        key = self._uses.pop(consumer, None)
        if key is None:
            return None
        entry = self._entries[key]
        entry.consumers.discard(consumer)
        if entry.consumers:
            return None
        self._rest(entry)
        return entry

    def _rest(self, entry: Entry) -> None:
        """Keep no more of a session without consumers than what is held."""
        self._secrets.release(entry.login.source.secret, session=entry.key)
        entry.results.end()
        self._reads.forget(entry.session)
        entry.session.retire()
        self._drop_if_abandoned(entry)

    def _drop_if_abandoned(self, entry: Entry) -> None:
        if entry.is_abandoned and self._entries.get(entry.key) is entry:
            del self._entries[entry.key]
            self._connections.leave_lines(entry.key, Priority.RENEWAL)

    def _put_aside(self, entry: Entry) -> None:
        """Keep what is held of a session whose place another takes, by another name."""
        if not entry.holders:
            return
        free = (n for n in count(1) if _aside(entry.key, n) not in self._entries)
        entry.key = _aside(entry.key, next(free))
        self._entries[entry.key] = entry
        self._wake(entry.key)

    def _make_room(self) -> None:
        """Let go of the sessions that were opened least lately, if there are too many.

        One that something hangs on stays. Who used the others opens a new one.
        """
        spare = len(self._entries) - self.most + 1
        if spare <= 0:
            return
        idle = (each for each in self._entries.values() if not each.holders)
        for entry in tuple(islice(idle, spare)):
            self._evictions += 1
            log.info("session_evicted", session=str(entry.key), most=self.most)
            for consumer in tuple(entry.consumers):
                self.release(consumer)

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
        entry: Entry | None,
        identity: Identity,
        resolved: ResolvedAuth,
        connection: Connection,
    ) -> Entry:
        """Return a new entry for `identity`, with the consumers of the one there was.

        There was one if a CA was replaced and has come back: its client is closed.
        """
        key = identity.key
        login = self._logins.login(resolved.login, key.namespace)
        transport = AddingTransport(
            connection,
            headers=resolved.login.headers,
            login_query=resolved.login.params,
        )
        kept = kept_of(resolved, connection, login, key.namespace)
        keeper = self._keepers.keeper(kept, resolved.auth)
        session = self._make_session(transport, login, resolved.login.namespace, keeper)
        consumers: set[ObjectKey] = set()
        if entry is not None:
            consumers, entry.consumers = entry.consumers, set()
            entry.results.end()
            self._reads.forget(entry.session)
            self._put_aside(entry)
        else:
            self._make_room()
        log.info(
            "session_opened",
            session=str(key),
            vault_auth=str(resolved.auth.key),
            vault_connection=str(connection.key),
        )
        results = self._results.begin(resolved.auth, key)
        return Entry(key, login, session, connection, kept, keeper, results, consumers)


def _aside(key: ObjectKey, number: int) -> ObjectKey:
    return ObjectKey(key.namespace, f"{key.name}-{number}")
