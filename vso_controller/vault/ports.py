"""The seams of the Vault layer: what it needs, and what it offers, as Protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest


class Transport(Protocol):
    """Carries one call to one Vault. `VaultClient` does it over HTTP."""

    async def request(self, request: VaultRequest) -> VaultReply:
        """Send `request`, at most once. Raises what `vault.errors` lists."""
        ...


class Observer(Protocol):
    """Learns how each call went."""

    def observe(self, operation: Operation, outcome: str, seconds: float) -> None:
        """Take note of one call.

        `outcome` is `Succeeded`, the name of a class in `vault.errors`, or `Aborted`
        for a call that was cancelled.
        """
        ...


class VaultReader(Protocol):
    """Reads with some identity. `VaultSession` does it."""

    async def read(
        self,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> VaultReply:
        """Read `path`; a namespace of None is the identity's own."""
        ...


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What `PUT auth/<mount>/login` sends."""

    mount: str
    body: Secret[dict[str, JSONValue]]


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token that somebody else has made: nobody logs in with it."""

    value: Secret[str]


Credentials = LoginRequest | HeldToken
"""What an identity has to show. Equal ones lead to the same identity in Vault."""


class LoginMethod(Protocol):
    """Knows how to log in, and fetches fresh credentials for every login."""

    async def credentials(self) -> Credentials:
        """Return what to show. Raises the roots of `foundation.errors`."""
        ...


class TokenKeeper(Protocol):
    """Keeps the token of one identity from one process to the next."""

    async def recall(self, shown: LoginRequest) -> Secret[str] | None:
        """Return a token that such a login once brought; None: there is none.

        Never raises: without it there is a login.
        """
        ...

    def resumed(self) -> None:
        """Take note that the token that was recalled is in use."""
        ...

    def refused(self, why: str) -> None:
        """Take note that it is of no use any more."""
        ...

    def logged_in(self, shown: LoginRequest, reply: VaultReply) -> None:
        """Take note of a login, and keep its token if it can be renewed."""
        ...


class NothingKept:
    """The TokenKeeper of an identity whose token ends with the process."""

    async def recall(self, _: LoginRequest) -> Secret[str] | None:
        return None

    def resumed(self) -> None:
        """Do nothing: nothing is recalled."""

    def refused(self, why: str) -> None:
        """Do nothing: nothing is recalled."""

    def logged_in(self, shown: LoginRequest, reply: VaultReply) -> None:
        """Keep nothing."""


class LoginObserver(Protocol):
    """Learns how each login went."""

    def logged_in(self, outcome: str) -> None:
        """Take note of one: `Succeeded`, or the name of a class of errors."""
        ...
