"""One identity's life with Vault: it logs in, renews its token and logs in again.

It promises

* that one login runs at a time, however many callers wait for it;
* that a failed login is answered from memory until its rest has passed;
* that a denied call leads to a new login only if the token is dead, once for all who
  were denied with it, and not within a minute of one that did not help;
* that a denied call is explained once for a path and a token, where Vault tells why;
* that a token is used no longer than it lives, and kept as long as it lives;
* that a token on which something hangs is renewed to its end, also when another has
  taken its place;
* that a read is not answered from before what this identity wrote.

When to call `renew` is for others to schedule, by `next_renewal`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from random import Random
from typing import TypeVar

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed, Transient
from vso_controller.foundation.gojson import JSONValue
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
from vso_controller.vault.tenure import Issued, Tenure, TokenHold
from vso_controller.vault.timing import SessionTiming
from vso_controller.vault.tokens import Token

R = TypeVar("R")

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
        self._tenure: Tenure | None = None  # of the token in use
        self._former: list[Tenure] = []  # held when another took their place
        self._shown: Credentials | None = None  # what brought the token in use
        self._capabilities = Capabilities(self._transport)  # of that token
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
        """When the token in use ends on the boot clock, inf: never; None: no token."""
        return self._token.ends if self._token is not None else None

    def ends_by_client(self) -> Iterator[tuple[str, float]]:
        """Yield the client ID and the end of each token that has an accessor.

        The ends are on the boot clock. The token in use comes last.
        """
        for each in self._tenures():
            if each.token.client_id:
                yield each.token.client_id, each.token.ends

    @property
    def next_renewal(self) -> float | None:
        """When `renew` is due on the loop's clock; None: nothing to renew."""
        tokens = [each.token for each in self._former if each.is_worth_renewing]
        if self._token is not None:
            tokens.append(self._token)
        steps = (each.next_step for each in tokens)
        return min((step for step in steps if step is not None), default=None)

    @property
    def is_held(self) -> bool:
        """Whether something hangs on a token of this session, be it a former one."""
        return any(each.is_held for each in self._tenures())

    @property
    def held_end(self) -> float | None:
        """When the first token ends that something hangs on and a renewal prolongs.

        On the boot clock; None: there is none.
        """
        ends = (each.token.ends for each in self._tenures() if each.is_worth_renewing)
        return min(ends, default=None)

    @property
    def is_revocable(self) -> bool:
        """Whether there is a token that `revoke` would give back."""
        return self._tenure is not None and self._tenure.is_revocable

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        """Read `path`; a namespace of None is the session's own.

        Raises what `send` raises.
        """
        request = VaultRequest(
            operation=Operation.READ,
            method=Method.GET,
            path=path,
            query=query or {},
            namespace=self._namespace if namespace is None else namespace,
            repeatable=True,
        )
        return await self.send(request)

    async def send(self, request: VaultRequest) -> VaultReply:
        """Send `request` with this identity's token, which must be None in it.

        Beside what the call itself can raise: LoginRefused, CredentialsMissing or a
        Transient for a login. A login never raises Gone or OutcomeUnknown.
        """
        return await self._with_token(request, lambda tenure: tenure.ask(request))

    async def issue(
        self,
        path: tuple[str, ...],
        *,
        method: Method = Method.PUT,
        body: Secret[dict[str, JSONValue]] | None = None,
        namespace: str | None = None,
        fence: Callable[[], None] | None = None,
    ) -> Issued:
        """Have something issued that ends with the token, and hold that token for it.

        There is a login first if the token will not be renewed any more. `fence` is
        asked right before the call leaves.

        Raises what `read` raises, and AnswerLost: then it may have been issued, and
        ends with the token at the latest.
        """
        tenure = await self._usable()
        if not tenure.is_lasting():
            await self._replace(tenure.token)
        request = VaultRequest(
            operation=Operation.ISSUE,
            method=method,
            path=path,
            body=body,
            namespace=self._namespace if namespace is None else namespace,
            repeatable=False,
            fence=fence,
        )
        return await self._with_token(request, lambda tenure: _issue(request, tenure))

    async def hold(self, client_id: str, *, namespace: str | None) -> TokenHold | None:
        """Hold the token with this client ID for what it issued before.

        None: this session does not have it, be it that it was a former process's. The
        session logs in, or goes on with a token that is kept, if it has not yet.
        """
        await self._usable()
        for each in self._tenures():
            if client_id and each.token.client_id == client_id:
                return each.hold(
                    namespace=self._namespace if namespace is None else namespace
                )
        return None

    @property
    def granted(self) -> float | None:
        """Seconds of life that a login gives, 0: no end; None: nobody has logged in."""
        return self._token.granted if self._token is not None else None

    async def renew(self) -> None:
        """Renew the tokens that are due, or replace one that cannot be any more.

        A failure is raised after it is noted: the token stays in use until it ends,
        and `next_renewal` says when to try again. It keeps no other token waiting.
        """
        async with self._renewing:
            self._former = [each for each in self._former if each.is_held]
            await _try_all(
                [
                    *(each.prolong for each in self._former if _is_due(each)),
                    self._renew_current,
                ]
            )

    async def prolong_held(self) -> None:
        """Renew all tokens that something hangs on, due or not."""
        async with self._renewing:
            worth = [each for each in self._tenures() if each.is_worth_renewing]
            await _try_all([each.prolong for each in worth])

    async def reconsider(self) -> bool:
        """Look at the credentials again, and log in if they are others.

        Return whether that is news for those who use the session: there are other
        credentials, or those of a login that failed may be good now. Raises what kept
        the new ones from being used; only a Transient leaves the token in use.
        """
        async with self._logging_in:
            had_failed = self._rest.has_failed
            self._rest.forget()
            if self._tenure is None:
                return had_failed
            try:
                credentials = await self._entrance.credentials()
                if credentials == self._shown:
                    return had_failed
                await self._log_in(credentials)
            except OperationFailed as error:
                if not isinstance(error, Transient):
                    self._succeed(None)
                raise
            return True

    def retire(self) -> None:
        """Use the token no more: it is kept for what hangs on it, if anything does.

        The session can be used again and would log in.
        """
        self._succeed(None)

    async def revoke(self) -> None:
        """Give the token back, if it is ours to give and nothing hangs on it.

        The session can be used again and would log in.
        """
        tenure = self._tenure
        if tenure is not None and tenure.is_revocable:
            self._tenure = None
            await tenure.revoke()

    @property
    def _token(self) -> Token | None:
        return self._tenure.token if self._tenure is not None else None

    def _tenures(self) -> Iterator[Tenure]:
        yield from self._former
        if self._tenure is not None:
            yield self._tenure

    def _succeed(self, tenure: Tenure | None) -> None:
        """Use another token from now on, or none. The one before may be held."""
        if self._tenure is not None and self._tenure.is_held:
            self._former.append(self._tenure)
        self._tenure = tenure

    async def _with_token(
        self, request: VaultRequest, ask: Callable[[Tenure], Awaitable[R]]
    ) -> R:
        """Have `request` asked, once more if the token proves to be dead."""
        tenure = await self._usable()
        token = tenure.token
        try:
            return await ask(tenure)
        except PermissionDenied as denied:
            if await self._is_alive(token):
                raise await self._explained(denied, request, token) from denied
        tenure = await self._replace(token)
        try:
            return await ask(tenure)
        except PermissionDenied as denied:
            self._vain_login = self._clock.monotonic()
            raise await self._explained(denied, request, tenure.token) from denied

    async def _explained(
        self, denied: PermissionDenied, request: VaultRequest, token: Token
    ) -> PermissionDenied:
        why = await self._capabilities.explain(request.with_token(token.value))
        return PermissionDenied(f"{denied}; {why}") if why else denied

    async def _usable(self) -> Tenure:
        tenure = self._tenure
        if tenure is not None and tenure.is_usable():
            return tenure
        return await self._replace(self._token)

    async def _replace(self, stale: Token | None) -> Tenure:
        """Return one with another token than `stale`; who waited takes what came."""
        async with self._logging_in:
            tenure = self._tenure
            if tenure is not None and tenure.token is not stale and tenure.is_usable():
                return tenure
            self._rest.check()
            return await self._log_in()

    async def _log_in(self, credentials: Credentials | None = None) -> Tenure:
        try:
            shown = credentials or await self._entrance.credentials()
            token = await self._entrance.enter(shown)
        except OperationFailed as error:
            self._rest.begin(error)
            raise
        self._rest.forget()
        self._shown = shown
        self._capabilities = Capabilities(self._transport)
        return self._begin(token)

    def _begin(self, token: Token) -> Tenure:
        tenure = self._tenure
        if tenure is not None and tenure.token.value == token.value:
            # A token that nobody logs in with was fetched again: its holders stay.
            tenure.token = token.succeeding(tenure.token)
            return tenure
        begun = Tenure(
            token,
            transport=self._transport,
            clock=self._clock,
            namespace=self._namespace,
        )
        self._succeed(begun)
        return begun

    async def _is_alive(self, token: Token) -> bool:
        """Whether `token`, with which a call was denied, is still good.

        True as well if it was found so a moment ago, or if a new login has just
        not helped: some tokens may not look themselves up and only seem dead.
        """
        async with self._looking_up:
            tenure = self._tenure
            if tenure is None or tenure.token is not token:
                return False
            now = self._clock.monotonic()
            if now < self._seen_alive + self._timing.verdict_holds:
                return True
            if now < self._vain_login + self._timing.relogin_rest:
                return True
            if await tenure.is_alive():
                self._seen_alive = now
                return True
            if self._tenure is tenure:  # and no login came while we waited
                self._succeed(None)
            return False

    async def _renew_current(self) -> None:
        tenure = self._tenure
        if tenure is None or not _is_due(tenure):
            return
        if not tenure.token.exhausted and tenure.is_usable():
            await tenure.prolong()
            return
        try:
            await self._replace(tenure.token)
        except OperationFailed as error:
            tenure.note(error)
            raise


async def _issue(request: VaultRequest, tenure: Tenure) -> Issued:
    """Have something issued, with the token held from before that on."""
    with ExitStack() as unless_issued:
        hold = tenure.hold(namespace=request.namespace)
        unless_issued.callback(hold.release)
        reply = await tenure.ask(request)
        unless_issued.pop_all()
    return Issued(reply, hold)


def _is_due(tenure: Tenure) -> bool:
    return tenure.is_due(slack=_TIMER_SLACK)


async def _try_all(steps: list[Callable[[], Awaitable[None]]]) -> None:
    """Take every step, whatever came of those before; raise the last failure."""
    failure: OperationFailed | None = None
    for step in steps:
        try:
            await step()
        except OperationFailed as error:
            failure = error
    if failure is not None:
        raise failure
