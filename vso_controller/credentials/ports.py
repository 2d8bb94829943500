"""What the bridge between Kubernetes and Vault needs from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vso_controller.foundation.objects import Envelope, ObjectKey, OpenSecret
from vso_controller.foundation.secret import Secret, SecretData


class Resources(Protocol):
    """The store of a kind."""

    def get(self, key: ObjectKey) -> Envelope | None:
        """Return the resource as it was last seen."""
        ...


class TokenRequester(Protocol):
    """Issues tokens of ServiceAccounts."""

    async def request_token(
        self,
        service_account: ObjectKey,
        *,
        audiences: Sequence[str],
        expiration_seconds: int,
    ) -> Secret[str]:
        """Return a new token. Raises Gone if there is no such ServiceAccount."""
        ...


class SecretValues(Protocol):
    """Reads the values of a Kubernetes Secret."""

    async def read_data(self, key: ObjectKey) -> SecretData:
        """Return the data. Raises Gone if there is no such Secret."""
        ...


class OpenSecrets(Protocol):
    """Reads Kubernetes Secrets with their values."""

    async def read_open(self, key: ObjectKey) -> OpenSecret:
        """Return the Secret as it is now. Raises Gone if there is no such Secret."""
        ...
