"""The transit engine of OpenBao: keys that encrypt and never leave it.

Source: the API documentation of the transit secrets engine.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

from tests.support.openbao_api import BaoApi


class TransitEngine:
    """One mounted transit engine."""

    def __init__(self, *, api: BaoApi, mount: str) -> None:
        self.mount = mount
        self._api = api

    @classmethod
    async def enable(cls, api: BaoApi, *, mount: str = "transit") -> TransitEngine:
        """Mount the engine. It has no keys yet."""
        await api.write(f"sys/mounts/{mount}", {"type": "transit"})
        return cls(api=api, mount=mount)

    async def create_key(self, name: str, *, key_type: str = "aes256-gcm96") -> None:
        """Create a key; one of that name stays as it is."""
        await self._api.write(f"{self.mount}/keys/{name}", {"type": key_type})

    async def rotate_key(self, name: str) -> None:
        """Let a key encrypt with a new version; it decrypts with all."""
        await self._api.write(f"{self.mount}/keys/{name}/rotate")

    async def forget_versions(self, name: str, *, before: int) -> None:
        """Let a key decrypt nothing that versions older than `before` encrypted."""
        settings = {"min_decryption_version": before}
        await self._api.write(f"{self.mount}/keys/{name}/config", settings)

    async def encrypt(self, name: str, plaintext: bytes) -> str:
        """Return the ciphertext, which names the key's version: `vault:v1:...`."""
        body = {"plaintext": b64encode(plaintext).decode()}
        reply = await self._api.write(f"{self.mount}/encrypt/{name}", body)
        ciphertext: str = reply["data"]["ciphertext"]
        return ciphertext

    async def decrypt(self, name: str, ciphertext: str) -> bytes:
        """Return the plaintext. Raises Refused (400) when it cannot be had."""
        body = {"ciphertext": ciphertext}
        reply = await self._api.write(f"{self.mount}/decrypt/{name}", body)
        return b64decode(reply["data"]["plaintext"])
