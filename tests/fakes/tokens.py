"""Tokens of ServiceAccounts, as an API server issues them."""

from __future__ import annotations

import base64
import json

from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObjectKey
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import NotFound


def service_account_token(uid: str) -> Secret[str]:
    """Return what a token of the ServiceAccount `uid` looks like."""
    claims = {"kubernetes.io": {"serviceaccount": {"name": "any", "uid": uid}}}
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return Secret(f"canary-header.{part.rstrip('=')}.canary-jwt")


class FakeTokens:
    """Issues tokens of the ServiceAccounts there are."""

    def __init__(self) -> None:
        self.accounts = {ObjectKey("apps", "app-sa")}
        self.uids: dict[str, str] = {}  # of accounts that were made anew
        self.failure: OperationFailed | None = None

    async def request_token(
        self, service_account: ObjectKey, **_: object
    ) -> Secret[str]:
        if self.failure is not None:
            raise self.failure
        if service_account not in self.accounts:
            raise NotFound(f"create serviceaccounts/token {service_account}")
        name = service_account.name
        return service_account_token(self.uids.get(name, f"uid-of-{name}"))
