"""From what an identity has to show to a token: the one step of logging in."""

from __future__ import annotations

from dataclasses import replace

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import (
    Denied,
    Gone,
    Invalid,
    OperationFailed,
    OutcomeUnknown,
)
from vso_controller.vault.errors import (
    CredentialsMissing,
    LoginRefused,
    LoginUnanswered,
    NotVaultAnswer,
)
from vso_controller.vault.paths import split_path
from vso_controller.vault.ports import (
    Credentials,
    HeldToken,
    LoginMethod,
    LoginObserver,
    LoginRequest,
    TokenKeeper,
    Transport,
)
from vso_controller.vault.requests import Method, Operation, VaultRequest
from vso_controller.vault.tokens import (
    Moment,
    Token,
    token_from_login,
    token_from_lookup,
)

_SUCCEEDED = "Succeeded"


class Entrance:
    """Fetches the credentials of one identity and shows them to Vault.

    What goes wrong never looks like the fate of the call for which somebody logs in:
    neither Gone nor OutcomeUnknown is raised.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        login: LoginMethod,
        clock: Clock,
        namespace: str,
        observer: LoginObserver,
        keeper: TokenKeeper,
    ) -> None:
        self._transport = transport
        self._login = login
        self._clock = clock
        self._namespace = namespace
        self._observer = observer
        self._keeper = keeper

    async def credentials(self) -> Credentials:
        """Return what there is to show now."""
        try:
            return await self._login.credentials()
        except OutcomeUnknown as error:
            raise LoginUnanswered(f"credentials for a login: {error}") from error
        except Gone as error:
            raise CredentialsMissing(f"credentials for a login: {error}") from error

    async def enter(self, credentials: Credentials) -> Token:
        """Return the token that the credentials lead to, or once led to.

        Raises LoginRefused where Vault does not take them.
        """
        if isinstance(credentials, LoginRequest):
            kept = await self._resume(credentials)
            if kept is not None:
                return kept
        try:
            token = await self._enter(credentials)
        except OperationFailed as error:
            self._observer.logged_in(type(error).__name__)
            raise
        self._observer.logged_in(_SUCCEEDED)
        return token

    async def _enter(self, credentials: Credentials) -> Token:
        since = Moment.now(self._clock)
        try:
            match credentials:
                case LoginRequest():
                    request = self._login_request(credentials)
                    reply = await self._transport.request(request)
                    token = token_from_login(reply, since=since)
                    self._keeper.logged_in(credentials, reply)
                    return token
                case HeldToken(value):
                    request = self._lookup_request(credentials)
                    reply = await self._transport.request(request)
                    return token_from_lookup(value, reply, since=since)
        except OutcomeUnknown as error:
            raise LoginUnanswered(str(error)) from error
        except (Denied, Invalid, Gone) as error:
            raise LoginRefused(f"{error}; {_advice(credentials)}") from error

    async def _resume(self, login: LoginRequest) -> Token | None:
        """Return the token that is kept from an earlier login, if it lives.

        Raises a Transient if Vault cannot tell: then it could not log in either.
        """
        kept = await self._keeper.recall(login)
        if kept is None:
            return None
        since = Moment.now(self._clock)
        try:
            reply = await self._transport.request(self._lookup_request(HeldToken(kept)))
            found = token_from_lookup(kept, reply, since=since)
        except (Denied, Invalid, Gone, NotVaultAnswer) as error:
            self._keeper.refused(str(error))
            return None
        if not found.is_usable(Moment.now(self._clock)):
            self._keeper.refused("it is about to end")
            return None
        self._keeper.resumed()
        return replace(found, is_ours=True)

    def _login_request(self, login: LoginRequest) -> VaultRequest:
        return VaultRequest(
            operation=Operation.LOGIN,
            method=Method.PUT,
            path=("auth", *split_path(login.mount), "login"),
            body=login.body,
            namespace=self._namespace,
            repeatable=False,
        )

    def _lookup_request(self, held: HeldToken) -> VaultRequest:
        return VaultRequest(
            operation=Operation.LOOKUP_TOKEN,
            method=Method.GET,
            path=("auth", "token", "lookup-self"),
            namespace=self._namespace,
            token=held.value,
            repeatable=True,
        )


def _advice(credentials: Credentials) -> str:
    if isinstance(credentials, HeldToken):
        return "the token has ended, was revoked, or may not look itself up"
    return "check mount, role and audiences, or what the login is made with"
