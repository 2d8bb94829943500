"""What a consumer does with its session: it reads, and has things issued."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

from vso_controller.api.v1beta1.shared import VaultClientMeta
from vso_controller.credentials.answers import Question
from vso_controller.credentials.holds import IssuedTo, LeaseHold
from vso_controller.credentials.identities import Entry
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.objects import ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.vault.bulkhead import Priority
from vso_controller.vault.leases import renewal_of, revocation_of
from vso_controller.vault.requests import Method, VaultReply, VaultRequest
from vso_controller.vault.session import VaultSession
from vso_controller.vault.tenure import Issued, TokenHold


class Pool(Protocol):
    """Asks Vault for consumers who have a turn."""

    def is_kept(self, question: Question, *, since: float) -> bool: ...
    async def read(
        self, entry: Entry, question: Question, *, since: float
    ) -> VaultReply: ...
    async def issue(
        self,
        consumer: ObjectKey,
        entry: Entry,
        issue: Callable[[VaultSession], Awaitable[Issued]],
    ) -> IssuedTo: ...
    async def hold(
        self,
        consumer: ObjectKey,
        entry: Entry,
        hold: Callable[[VaultSession], Awaitable[TokenHold | None]],
    ) -> LeaseHold | None: ...
    async def send(self, entry: Entry, request: VaultRequest) -> VaultReply: ...


class ConsumerSession:
    """A session in the hands of one consumer: it reads, and has things issued."""

    def __init__(
        self,
        *,
        pool: Pool,
        consumer: ObjectKey,
        key: ObjectKey,
        entry: Entry,
        since: float,
    ) -> None:
        self._pool = pool
        self._consumer = consumer
        self._entry = entry
        self._since = since
        self.key = key

    def meta(self, namespace: str | None = None) -> VaultClientMeta | None:
        """Return what statuses say of the session; None before it has logged in.

        `namespace` is the Vault namespace that the consumer names, if it names one.
        """
        return self._entry.meta(namespace)

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
            return await self._pool.read(entry, question, since=self._since)
        with entry.connection.turn(self._consumer, Priority.READ):
            return await self._pool.read(entry, question, since=self._since)

    async def issue(
        self,
        path: tuple[str, ...],
        *,
        method: Method = Method.PUT,
        body: Secret[dict[str, JSONValue]] | None = None,
        namespace: str | None = None,
        fence: Callable[[], None] | None = None,
    ) -> IssuedTo:
        """Have something issued at `path`, and hold the token that it hangs on.

        `fence` is asked right before it leaves. It is sent once and shared with nobody.
        Raises AnswerLost if nobody knows what came of it, and Parked if it is not the
        turn of the consumer.
        """
        with self._entry.connection.turn(self._consumer, Priority.READ):
            return await self._pool.issue(
                self._consumer,
                self._entry,
                lambda session: session.issue(
                    path, method=method, body=body, namespace=namespace, fence=fence
                ),
            )

    async def hold(
        self, client_id: str, *, namespace: str | None = None
    ) -> LeaseHold | None:
        """Hold the token with this client ID for what it issued to the consumer.

        None: nobody has it any more. Raises Parked without a turn.
        """
        with self._entry.connection.turn(self._consumer, Priority.READ):
            return await self._pool.hold(
                self._consumer,
                self._entry,
                lambda session: session.hold(client_id, namespace=namespace),
            )

    @property
    def granted(self) -> float | None:
        """Seconds of life that a login gives, 0: no end; None: nobody has logged in."""
        return self._entry.session.granted

    async def renew_lease(
        self, lease_id: str, *, increment: int, namespace: str | None = None
    ) -> VaultReply:
        """Ask for more of a lease whose token nobody holds. Raises LeaseNotFound."""
        return await self._send(
            renewal_of(
                lease_id, increment=increment, namespace=self._namespace(namespace)
            )
        )

    async def revoke_lease(
        self,
        lease_id: str,
        *,
        namespace: str | None = None,
        fence: Callable[[], None] | None = None,
    ) -> None:
        """End a lease. Raises LeaseNotFound, PermissionDenied where it may not."""
        request = revocation_of(lease_id, namespace=self._namespace(namespace))
        await self._send(replace(request, fence=fence))

    async def _send(self, request: VaultRequest) -> VaultReply:
        with self._entry.connection.turn(self._consumer, Priority.READ):
            return await self._pool.send(self._entry, request)

    def _namespace(self, named: str | None) -> str:
        return self._entry.session.namespace if named is None else named
