"""Rate limits of OpenBao, which answer 429 beyond them.

Source: the API documentation of `/sys/quotas/rate-limit`.
"""

from __future__ import annotations

from tests.support.openbao_api import BaoApi


class RateLimits:
    """The rate limits of one OpenBao. Only the root namespace may set them."""

    def __init__(self, *, api: BaoApi) -> None:
        self._api = api

    async def put(
        self,
        name: str,
        *,
        rate: float,
        path: str = "",
        interval: str = "1s",
        block_interval: str = "0s",
    ) -> None:
        """Allow `rate` requests an `interval` to each client address.

        `path` "" is the whole server, else a namespace, a mount or a path. Who asks
        for more is refused for `block_interval`.
        """
        quota = {
            "rate": rate,
            "path": path,
            "interval": interval,
            "block_interval": block_interval,
        }
        await self._api.write(f"sys/quotas/rate-limit/{name}", quota)

    async def remove(self, name: str) -> None:
        """Allow again what a limit did not."""
        await self._api.delete(f"sys/quotas/rate-limit/{name}")
