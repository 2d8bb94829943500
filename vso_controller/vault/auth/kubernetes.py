"""Log in with a Kubernetes service account token.

Source: the HTTP API documentation of the `kubernetes` auth method.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vso_controller.foundation.secret import Secret
from vso_controller.vault.ports import LoginRequest

RequestToken = Callable[[], Awaitable[Secret[str]]]
"""Returns a fresh service account token. Raises the roots of `foundation.errors`."""


class KubernetesLogin:
    """The `kubernetes` auth method: a role, and a token asked for at each login."""

    def __init__(
        self,
        *,
        mount: str,
        role: str,
        request_token: RequestToken,
    ) -> None:
        self._mount = mount
        self._role = role
        self._request_token = request_token

    async def credentials(self) -> LoginRequest:
        jwt = await self._request_token()
        return LoginRequest(
            mount=self._mount,
            body=Secret({"role": self._role, "jwt": jwt.reveal()}),
        )
