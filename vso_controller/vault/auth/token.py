"""Use a token that somebody else has made.

It is no login: the token is looked up, for its life and whether it can be renewed. It
is not ours, so it is never revoked here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vso_controller.foundation.secret import Secret
from vso_controller.vault.ports import HeldToken

FetchToken = Callable[[], Awaitable[Secret[str]]]
"""Returns the token as it is now. Raises the roots of `foundation.errors`."""


class TokenLogin:
    """A token that is fetched anew whenever the one in use ends or is refused."""

    def __init__(self, *, fetch_token: FetchToken) -> None:
        self._fetch_token = fetch_token

    async def credentials(self) -> HeldToken:
        return HeldToken(await self._fetch_token())
