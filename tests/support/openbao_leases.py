"""What OpenBao lends and still remembers.

Source: the API documentation of `/sys/leases`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.openbao_api import BaoApi, Refused, Reply

_NO_LEASE = 400


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as its lender knows it."""

    lease_id: str
    ttl: int  # seconds that are left
    renewable: bool
    expire_time: str  # RFC 3339


class Leases:
    """All leases that one token may look at."""

    def __init__(self, *, api: BaoApi) -> None:
        self._api = api

    async def below(self, prefix: str) -> set[str]:
        """Return the ids of all leases below `prefix`, however deep."""
        prefix = prefix.strip("/")
        found: set[str] = set()
        for name in await self._api.names_below(f"sys/leases/lookup/{prefix}"):
            if name.endswith("/"):
                found |= await self.below(f"{prefix}/{name}")
            else:
                found.add(f"{prefix}/{name}")
        return found

    async def lookup(self, lease_id: str) -> Lease | None:
        """Return a lease, None if it has ended or was revoked."""
        try:
            reply = await self._api.write("sys/leases/lookup", {"lease_id": lease_id})
        except Refused as error:
            if error.status != _NO_LEASE:
                raise
            return None
        return _lease_in(reply)

    async def renew(self, lease_id: str, *, increment: int = 0) -> int:
        """Renew a lease by `increment` seconds, 0 for its own term; return the term."""
        body = {"lease_id": lease_id, "increment": increment}
        reply = await self._api.write("sys/leases/renew", body)
        seconds: int = reply["lease_duration"]
        return seconds

    async def revoke(self, lease_id: str) -> None:
        """Revoke a lease, and wait until it is done."""
        await self._api.write("sys/leases/revoke", {"lease_id": lease_id, "sync": True})


def _lease_in(reply: Reply) -> Lease:
    data = reply["data"]
    return Lease(
        lease_id=data["id"],
        ttl=data["ttl"],
        renewable=data["renewable"],
        expire_time=data["expire_time"],
    )
