"""What a controller does, it does in its own time: waiting for it."""

from __future__ import annotations

from tests.support.conditions import eventually
from tests.support.kubeapi import KubeApi

PATIENCE = 15.0  # seconds, for a controller to act


async def wait_gone(api: KubeApi, path: str, *, within: float = PATIENCE) -> None:
    """Wait until there is nothing at this path."""

    async def gone() -> None:
        found = await api.get(path)
        assert found.status == 404, found.body

    await eventually(gone, within=within)
