"""The PKI engine of OpenBao: a root of its own, roles, certificates.

Source: the API documentation of the PKI secrets engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.openbao_api import BaoApi, Reply


@dataclass(frozen=True, slots=True)
class Certificate:
    """An issued certificate. All but the serial number and the end is PEM."""

    serial_number: str
    certificate: str
    private_key: str = field(repr=False)
    issuing_ca: str
    ca_chain: tuple[str, ...]
    expiration: int  # seconds since the Unix epoch


class PkiEngine:
    """One mounted PKI engine with a root certificate."""

    def __init__(self, *, api: BaoApi, mount: str, ca_pem: str) -> None:
        self.mount = mount
        self.ca_pem = ca_pem
        self._api = api

    @classmethod
    async def enable(
        cls, api: BaoApi, *, mount: str = "pki", common_name: str = "Test Root"
    ) -> PkiEngine:
        """Mount the engine and make its root, good for ten years."""
        decade = "87600h"
        tuning = {"max_lease_ttl": decade}
        await api.write(f"sys/mounts/{mount}", {"type": "pki", "config": tuning})
        root = {
            "common_name": common_name,
            "ttl": decade,
            "key_type": "ec",
            "key_bits": 256,
        }
        reply = await api.write(f"{mount}/root/generate/internal", root)
        return cls(api=api, mount=mount, ca_pem=reply["data"]["certificate"])

    async def put_role(
        self,
        name: str,
        *,
        domains: Sequence[str],
        ttl: str = "1h",
        **options: object,
    ) -> None:
        """Create or replace a role for `domains` and names below them.

        `options` are those of the endpoint (`no_store`, `generate_lease`, ...).
        """
        role: dict[str, object] = {
            "allowed_domains": domains,
            "allow_bare_domains": True,
            "allow_subdomains": True,
            "key_type": "ec",
            "key_bits": 256,
            "ttl": ttl,
        }
        await self._api.write(f"{self.mount}/roles/{name}", role | options)

    async def issue(
        self, role: str, common_name: str, **options: object
    ) -> Certificate:
        """Issue a certificate with a new key. Raises Refused as OpenBao does."""
        body = {"common_name": common_name} | options
        return _certificate_in(
            await self._api.write(f"{self.mount}/issue/{role}", body)
        )

    async def revoke(self, serial_number: str) -> None:
        """Revoke a certificate."""
        body = {"serial_number": serial_number}
        await self._api.write(f"{self.mount}/revoke", body)

    async def is_revoked(self, serial_number: str) -> bool:
        """Whether a certificate that was stored has been revoked."""
        reply = await self._api.read(f"{self.mount}/cert/{serial_number}")
        return int(reply["data"].get("revocation_time", 0)) > 0

    async def serial_numbers(self) -> set[str]:
        """Return the serial numbers of all stored certificates, the root's too."""
        names = await self._api.names_below(f"{self.mount}/certs")
        return {name.replace("-", ":") for name in names}


def _certificate_in(reply: Reply) -> Certificate:
    data = reply["data"]
    return Certificate(
        serial_number=data["serial_number"],
        certificate=data["certificate"],
        private_key=data["private_key"],
        issuing_ca=data["issuing_ca"],
        ca_chain=tuple(data.get("ca_chain") or ()),
        expiration=int(data["expiration"]),
    )
