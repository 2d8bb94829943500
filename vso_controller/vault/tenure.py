"""One token of an identity, from the login that brought it to its end.

A lease ends with the token that issued it, whoever renews it, and no lease can be given
to another token. So whoever had something issued holds the token that did it: what is
held is renewed as long as that prolongs its life, also after its session has logged in
anew, and it is never given back. What is known of its end is there for its holders.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    Denied,
    Gone,
    Invalid,
    OperationFailed,
    Transient,
)
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import LeaseNotFound, PermissionDenied
from vso_controller.vault.leases import renewal_of, revocation_of
from vso_controller.vault.ports import Transport
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest
from vso_controller.vault.tokens import Moment, Token

HOPELESS = (Denied, Invalid, Gone)
"""What a renewal fails with that another one would fail with as well."""


class Tenure:
    """A token as it is now, and how many hold it."""

    def __init__(
        self, token: Token, *, transport: Transport, clock: Clock, namespace: str
    ) -> None:
        self.token = token
        self._transport = transport
        self._clock = clock
        self._namespace = namespace
        self._holders = 0

    @property
    def is_held(self) -> bool:
        """Whether something hangs on the token, and the token is not over."""
        return self._holders > 0 and self._clock.boot() < self.token.ends

    @property
    def is_worth_renewing(self) -> bool:
        """Whether somebody holds it and would have more of it."""
        return self.is_held and not self.token.is_final

    @property
    def is_revocable(self) -> bool:
        """Whether it is ours to give back, and nothing hangs on it."""
        return self.token.is_ours and not self.is_held

    def is_due(self, *, slack: float) -> bool:
        """Whether its next step should be taken now, or within `slack` seconds."""
        step = self.token.next_step
        return step is not None and step <= self._clock.monotonic() + slack

    def is_lasting(self) -> bool:
        """Whether what it issues now lives about as long as after another login."""
        return self.token.is_lasting(Moment.now(self._clock))

    def is_usable(self) -> bool:
        """Whether it will outlive a request that is sent now."""
        return self.token.is_usable(Moment.now(self._clock))

    def hold(self, *, namespace: str) -> TokenHold:
        """Have the token kept for what it is about to issue in a Vault namespace."""
        self._holders += 1
        return TokenHold(self, namespace=namespace)

    def let_go(self) -> None:
        """Take note that one holds it no more. For holders."""
        self._holders -= 1

    async def ask(self, request: VaultRequest) -> VaultReply:
        """Send `request` with this token."""
        return await self._transport.request(request.with_token(self.token.value))

    async def prolong(self) -> None:
        """Renew the token, due or not. A failure is raised after it is noted."""
        since = Moment.now(self._clock)
        try:
            reply = await self._ask_about(Operation.RENEW_TOKEN, "renew-self")
        except OperationFailed as error:
            self.note(error)
            if self.is_held and isinstance(error, HOPELESS):
                await self._find_out_whether_it_ended()
            raise
        self.token = self.token.renewed(reply, since=since)

    def note(self, failure: OperationFailed) -> None:
        """Take note that the token was neither renewed nor replaced."""
        self.token = self.token.not_renewed(
            Moment.now(self._clock), forever=isinstance(failure, HOPELESS)
        )

    async def is_alive(self) -> bool:
        """Ask Vault whether the token is good, and take note if it is not."""
        try:
            await self._ask_about(Operation.LOOKUP_TOKEN, "lookup-self")
        except HOPELESS:
            self.token = self.token.ended(Moment.now(self._clock))
            return False
        return True

    async def revoke(self) -> None:
        """Give the token back, with all that it issued."""
        await self._ask_about(Operation.REVOKE_TOKEN, "revoke-self")

    async def _find_out_whether_it_ended(self) -> None:
        with suppress(Transient):  # then it is taken to live on
            await self.is_alive()

    async def _ask_about(self, operation: Operation, action: str) -> VaultReply:
        is_lookup = operation is Operation.LOOKUP_TOKEN
        return await self.ask(
            VaultRequest(
                operation=operation,
                method=Method.GET if is_lookup else Method.PUT,
                path=("auth", "token", action),
                body=None if is_lookup else Secret({}),
                namespace=self._namespace,
                repeatable=True,
            )
        )


class TokenHold:
    """What keeps a token for a lease, until it is released."""

    def __init__(self, tenure: Tenure, *, namespace: str) -> None:
        self._tenure = tenure
        self._namespace = namespace
        self._released = False

    @property
    def client_id(self) -> str:
        """Hex BLAKE2b-256 of the token's accessor; "" for a token without one."""
        return self._tenure.token.client_id

    @property
    def ends(self) -> float:
        """When the token ends on the boot clock, by its last renewal; inf: never."""
        return self._tenure.token.ends

    @property
    def ttl(self) -> float:
        """Seconds of life that the token was last given; 0: it has no end."""
        return self._tenure.token.ttl

    @property
    def is_final(self) -> bool:
        """Whether `ends` moves no more, but for a revocation: replace what hangs on it.

        A token without an end is as final.
        """
        return self._tenure.token.is_final

    async def renew_lease(self, lease_id: str, *, increment: int) -> VaultReply:
        """Ask for `increment` seconds more of a lease that this token issued.

        Raises LeaseNotFound if the lease, or the token with it, is no more.
        """
        try:
            return await self._tenure.ask(
                renewal_of(lease_id, increment=increment, namespace=self._namespace)
            )
        except PermissionDenied as denied:
            if await self._tenure.is_alive():
                raise
            raise LeaseNotFound(
                f"{denied}; the token that issued the lease has ended, and the lease"
                " with it"
            ) from denied

    async def revoke_lease(
        self, lease_id: str, *, fence: Callable[[], None] | None
    ) -> None:
        """End a lease that this token issued. `fence` is asked before that leaves."""
        request = revocation_of(lease_id, namespace=self._namespace)
        await self._tenure.ask(replace(request, fence=fence))

    def release(self) -> None:
        """Let go of the token: nothing hangs on it any more. Twice is as once."""
        if not self._released:
            self._released = True
            self._tenure.let_go()


@dataclass(frozen=True, slots=True)
class Issued:
    """What Vault issued, and the hold on the token that it ends with."""

    reply: VaultReply
    hold: TokenHold
