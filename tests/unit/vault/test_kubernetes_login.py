"""What the Kubernetes auth method sends."""

from __future__ import annotations

from collections.abc import Iterator

from vso_controller.foundation.secret import Secret
from vso_controller.vault.auth.kubernetes import KubernetesLogin


async def test_login_sends_the_role_and_a_fresh_token_each_time() -> None:
    tokens: Iterator[str] = iter(["canary-1", "canary-2"])

    async def request_token() -> Secret[str]:
        return Secret(next(tokens))

    login = KubernetesLogin(mount="k8s", role="app", request_token=request_token)

    first, second = await login.credentials(), await login.credentials()

    assert first.mount == "k8s"
    assert first.body == Secret({"role": "app", "jwt": "canary-1"})
    assert second.body == Secret({"role": "app", "jwt": "canary-2"})
    assert "canary" not in f"{first} {second!r}"
