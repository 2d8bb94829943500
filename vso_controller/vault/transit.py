"""Encryption by the transit engine: the key never leaves Vault.

Source: the HTTP API documentation of the transit secrets engine. Both calls change
nothing in Vault, so they may be repeated.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Protocol

from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.secret import Secret
from vso_controller.vault.errors import NotVaultAnswer
from vso_controller.vault.paths import split_path
from vso_controller.vault.requests import Method, Operation, VaultReply, VaultRequest


class Sender(Protocol):
    """Sends requests with some identity. `VaultSession` does it."""

    @property
    def namespace(self) -> str: ...
    async def send(self, request: VaultRequest) -> VaultReply: ...


class TransitKey:
    """One key of one transit engine, as some identity may use it."""

    def __init__(self, *, sender: Sender, mount: str, name: str) -> None:
        self._sender = sender
        self._mount = mount
        self._name = name

    async def encrypt(self, plaintext: Secret[bytes]) -> str:
        """Return the ciphertext, which names the version of the key."""
        text = b64encode(plaintext.reveal()).decode()
        reply = await self._send(Operation.ENCRYPT, "encrypt", {"plaintext": text})
        ciphertext = reply.get("ciphertext")
        if not isinstance(ciphertext, str):
            raise NotVaultAnswer("the answer to encrypt holds no ciphertext")
        return ciphertext

    async def decrypt(self, ciphertext: str) -> Secret[bytes]:
        """Return the plaintext. Raises InvalidRequest for what it did not encrypt."""
        reply = await self._send(
            Operation.DECRYPT, "decrypt", {"ciphertext": ciphertext}
        )
        plaintext = reply.get("plaintext")
        try:
            if isinstance(plaintext, str):
                return Secret(b64decode(plaintext, validate=True))
        except ValueError:
            pass
        # Not chained: the decoder's error could carry the value.
        raise NotVaultAnswer("the answer to decrypt holds no plaintext")

    async def _send(
        self, operation: Operation, action: str, body: dict[str, JSONValue]
    ) -> dict[str, JSONValue]:
        reply = await self._sender.send(
            VaultRequest(
                operation=operation,
                method=Method.PUT,
                path=(*split_path(self._mount), action, *split_path(self._name)),
                body=Secret({"name": self._name} | body),
                namespace=self._sender.namespace,
                repeatable=True,
            )
        )
        data = reply.member("data")
        return {} if data is None else data.reveal()
