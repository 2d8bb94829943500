"""One identity's life with Vault: it logs in, renews its token and logs in again.

It promises

* that one login runs at a time, however many callers wait for it;
* that a failed login is answered from memory until its rest has passed;
* that a denied call leads to a new login only if the token is dead, once for all who
  were denied with it, and not within a minute of one that did not help;
* that a denied call is explained once for a path and a token, where Vault tells why;
* that a token is used no longer than it lives, and kept as long as it lives;
* that a read is not answered from before what this identity wrote.

When to call `renew` is for others to schedule, by `next_renewal`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    Denied,
    Gone,
    Invalid,
    OperationFailed,
    Transient,
)
from vso_controller.foundation.secret import Secret
from vso_controller.vault.capabilities import Capabilities
from vso_controller.vault.consistency import ConsistentTransport
from vso_controller.vault.entrance import Entrance
from vso_controller.vault.errors import PermissionDenied
from vso_controller.vault.login_rest import LoginRest
from vso_controller.vault.ports import (
    Credentials,
    LoginMethod,
    LoginObserver,
    NothingKept,
    TokenKeeper,
    Transport,
)
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest
from vso_controller.vault.timing import SessionTiming
from vso_controller.vault.tokens import Moment, Token

DEFAULT_TIMING = SessionTiming()
NOTHING_KEPT = NothingKept()
_TIMER_SLACK = 0.1  # seconds; a timer may fire a moment before its time


class VaultSession:
    """See the module docstring for the promises this class keeps."""

    def __init__(
        self,
        *,
        transport: Transport,
        login: LoginMethod,
        clock: Clock,
        random: Random,
        observer: LoginObserver,
        namespace: str = "",
        timing: SessionTiming = DEFAULT_TIMING,
        keeper: TokenKeeper = NOTHING_KEPT,
    ) -> None:
        self._timing = timing
        self._transport = ConsistentTransport(transport, clock=clock)
        self._entrance = Entrance(
            transport=self._transport,
            login=login,
            clock=clock,
            namespace=namespace,
            observer=observer,
            keeper=keeper,
        )
        self._clock = clock
        self._namespace = namespace
        self._rest = LoginRest(timing=timing, clock=clock, random=random)
        self._token: Token | None = None
        self._shown: Credentials | None = None  # what brought the token
        self._capabilities = Capabilities(self._transport)  # of the token
        self._logging_in = asyncio.Lock()
        self._looking_up = asyncio.Lock()
        self._renewing = asyncio.Lock()
        # On the loop's clock: when the token was last found alive, and when a denied
        # call was last denied with the token of a new login as well.
        self._seen_alive = float("-inf")
        self._vain_login = float("-inf")

    @property
    def namespace(self) -> str:
        """The Vault namespace it logs in to, and reads from unless told otherwise."""
        return self._namespace

    @property
    def client_id(self) -> str:
        """Hex BLAKE2b-256 of the token's accessor; "" without token or accessor."""
        return self._token.client_id if self._token is not None else ""

    @property
    def ends(self) -> float | None:
        """When the token ends on the boot clock, infinite for never; None: no token."""
        return self._token.ends if self._token is not None else None

    @property
    def next_renewal(self) -> float | None:
        """When `renew` is due on the loop's clock; None: nothing to renew."""
        return self._token.next_step if self._token is not None else None

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        """Read `path`; a namespace of None is the session's own."""
        return await self.send(
            VaultRequest(
                operation=Operation.READ,
                method=Method.GET,
                path=path,
                query=query or {},
                namespace=self._namespace if namespace is None else namespace,
                repeatable=True,
            )
        )

    async def send(self, request: VaultRequest) -> VaultReply:
        """Send `request` with this identity's token, which must be None in it.

        Beside what the call itself can raise: LoginRefused, CredentialsMissing or a
        Transient for a login. A login never raises Gone or OutcomeUnknown.
        """
        token = await self._usable_token()
        try:
            return await self._transport.request(replace(request, token=token.value))
        except PermissionDenied as denied:
            if await self._is_alive(token):
                raise await self._explained(denied, request, token) from denied
        token = await self._replace(token)
        try:
            return await self._transport.request(replace(request, token=token.value))
        except PermissionDenied as denied:
            self._vain_login = self._clock.monotonic()
            raise await self._explained(denied, request, token) from denied

    async def renew(self) -> None:
        """Renew the token, or replace one that cannot be renewed any more, if due.

        A failure is raised after it is noted: the token stays in use until it ends,
        and `next_renewal` says when to try again.
        """
        async with self._renewing:
            token = self._token
            if token is None or not _is_due(token, self._clock.monotonic()):
                return
            try:
                await self._prolong(token)
            except OperationFailed as error:
                hopeless = isinstance(error, Denied | Invalid | Gone)
                moment = Moment.now(self._clock)
                self._exchange(token, token.not_renewed(moment, forever=hopeless))
                raise

    async def reconsider(self) -> bool:
        """Look at the credentials again, and log in if they are others.

        Return whether that is news for those who use the session: there are other
        credentials, or those of a login that failed may be good now. Raises what kept
        the new ones from being used; only a Transient leaves the token in use.
        """
        async with self._logging_in:
            had_failed = self._rest.has_failed
            self._rest.forget()
            if self._token is None:
                return had_failed
            try:
                credentials = await self._entrance.credentials()
                if credentials == self._shown:
                    return had_failed
                await self._log_in(credentials)
            except OperationFailed as error:
                if not isinstance(error, Transient):
                    self._token = None
                raise
            return True

    async def revoke(self) -> None:
        """Give the token back, if it is ours to give.

        The session can be used again and would log in.
        """
        token, self._token = self._token, None
        if token is not None and token.is_ours:
            await self._ask_about(
                token, Operation.REVOKE_TOKEN, Method.PUT, "revoke-self"
            )

    async def _explained(
        self, denied: PermissionDenied, request: VaultRequest, token: Token
    ) -> PermissionDenied:
        why = await self._capabilities.explain(replace(request, token=token.value))
        return PermissionDenied(f"{denied}; {why}") if why else denied

    async def _usable_token(self) -> Token:
        token = self._token
        if token is not None and token.is_usable(Moment.now(self._clock)):
            return token
        return await self._replace(token)

    async def _replace(self, stale: Token | None) -> Token:
        """Return a token other than `stale`; who waited takes what came meanwhile."""
        async with self._logging_in:
            token = self._token
            if (
                token is not None
                and token is not stale
                and token.is_usable(Moment.now(self._clock))
            ):
                return token
            self._rest.check()
            return await self._log_in()

    async def _log_in(self, credentials: Credentials | None = None) -> Token:
        try:
            shown = credentials or await self._entrance.credentials()
            token = await self._entrance.enter(shown)
        except OperationFailed as error:
            self._rest.begin(error)
            raise
        self._rest.forget()
        self._shown = shown
        self._token = token.succeeding(self._token)
        self._capabilities = Capabilities(self._transport)
        return self._token

    async def _is_alive(self, token: Token) -> bool:
        """Whether `token`, with which a call was denied, is still good.

        True as well if it was found so a moment ago, or if a new login has just
        not helped: some tokens may not look themselves up and only seem dead.
        """
        async with self._looking_up:
            if self._token is not token:
                return False
            now = self._clock.monotonic()
            if now < self._seen_alive + self._timing.verdict_holds:
                return True
            if now < self._vain_login + self._timing.relogin_rest:
                return True
            alive = await self._look_up(token)
            if alive:
                self._seen_alive = now
            else:
                self._exchange(token, None)
            return alive

    async def _look_up(self, token: Token) -> bool:
        try:
            await self._ask_about(
                token, Operation.LOOKUP_TOKEN, Method.GET, "lookup-self"
            )
        except (Denied, Invalid, Gone):
            return False
        return True

    async def _prolong(self, token: Token) -> None:
        if token.exhausted or not token.is_usable(Moment.now(self._clock)):
            await self._replace(token)
            return
        since = Moment.now(self._clock)
        reply = await self._ask_about(
            token, Operation.RENEW_TOKEN, Method.PUT, "renew-self"
        )
        self._exchange(token, token.renewed(reply, since=since))

    def _exchange(self, token: Token, successor: Token | None) -> None:
        # While we waited a login may have brought another token: that one stays.
        if self._token is token:
            self._token = successor

    async def _ask_about(
        self, token: Token, operation: Operation, method: Method, action: str
    ) -> VaultReply:
        return await self._transport.request(
            VaultRequest(
                operation=operation,
                method=method,
                path=("auth", "token", action),
                body=None if method is Method.GET else Secret({}),
                namespace=self._namespace,
                token=token.value,
                repeatable=True,
            )
        )


def _is_due(token: Token, now: float) -> bool:
    return token.next_step is not None and token.next_step <= now + _TIMER_SLACK
