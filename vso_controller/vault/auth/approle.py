"""Log in with a role ID and a secret ID.

Source: the HTTP API documentation of the `approle` auth method.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vso_controller.foundation.secret import Secret
from vso_controller.vault.ports import LoginRequest

FetchSecretId = Callable[[], Awaitable[Secret[str]]]
"""Returns the secret ID as it is now. Raises the roots of `foundation.errors`."""


class AppRoleLogin:
    """The `approle` auth method: a role ID, and a secret ID fetched for each login."""

    def __init__(
        self, *, mount: str, role_id: str, fetch_secret_id: FetchSecretId
    ) -> None:
        self._mount = mount
        self._role_id = role_id
        self._fetch_secret_id = fetch_secret_id

    async def credentials(self) -> LoginRequest:
        secret_id = await self._fetch_secret_id()
        return LoginRequest(
            mount=self._mount,
            body=Secret({"role_id": self._role_id, "secret_id": secret_id.reveal()}),
        )
