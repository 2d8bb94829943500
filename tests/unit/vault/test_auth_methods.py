"""What the auth methods show to Vault."""

from __future__ import annotations

from collections.abc import Iterator

from vso_controller.foundation.secret import Secret
from vso_controller.vault.auth.approle import AppRoleLogin
from vso_controller.vault.auth.jwt import JwtLogin
from vso_controller.vault.auth.token import TokenLogin
from vso_controller.vault.ports import HeldToken, LoginRequest


class Rotating:
    """Fetches another value each time."""

    def __init__(self) -> None:
        self._values: Iterator[str] = iter(["canary-1", "canary-2"])

    async def fetch(self) -> Secret[str]:
        return Secret(next(self._values))


async def test_jwt_goes_with_its_role_and_is_fetched_each_time() -> None:
    login = JwtLogin(mount="oidc", role="app", request_token=Rotating().fetch)

    shown = [await login.credentials() for _ in range(2)]

    assert shown == [
        LoginRequest("oidc", Secret({"role": "app", "jwt": "canary-1"})),
        LoginRequest("oidc", Secret({"role": "app", "jwt": "canary-2"})),
    ]
    assert "canary" not in repr(shown)


async def test_secret_id_goes_with_its_role_id_and_is_fetched_each_time() -> None:
    login = AppRoleLogin(mount="ar", role_id="r", fetch_secret_id=Rotating().fetch)

    shown = [await login.credentials() for _ in range(2)]

    assert shown == [
        LoginRequest("ar", Secret({"role_id": "r", "secret_id": "canary-1"})),
        LoginRequest("ar", Secret({"role_id": "r", "secret_id": "canary-2"})),
    ]
    assert "canary" not in repr(shown)


async def test_token_of_somebody_else_is_fetched_each_time() -> None:
    login = TokenLogin(fetch_token=Rotating().fetch)

    shown = [await login.credentials() for _ in range(2)]

    assert shown == [HeldToken(Secret("canary-1")), HeldToken(Secret("canary-2"))]
    assert "canary" not in repr(shown)
