"""The key-value engines of OpenBao, both versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.conditions import eventually
from tests.support.openbao_api import BaoApi, Refused

_PREPARED = 2
"""The version that a new engine is made into after it is mounted."""
_PATIENCE = 10.0  # seconds


class KeyValue:
    """One mounted key-value engine."""

    def __init__(self, *, api: BaoApi, mount: str, version: int) -> None:
        self.mount = mount
        self.version = version
        self._api = api

    @classmethod
    async def enable(cls, api: BaoApi, mount: str, *, version: int = 2) -> KeyValue:
        """Mount an engine of `version` 1 or 2, and wait until it serves."""
        options = {"version": str(version)}
        await api.write(f"sys/mounts/{mount}", {"type": "kv", "options": options})
        engine = cls(api=api, mount=mount, version=version)
        if version == _PREPARED:
            await eventually(engine._serves, within=_PATIENCE)
        return engine

    async def put(self, path: str, data: Mapping[str, object]) -> int:
        """Write `data`; return its version, which is 0 in a version 1 engine."""
        if self.version == 1:
            await self._api.write(f"{self.mount}/{path}", data)
            return 0
        reply = await self._api.write(f"{self.mount}/data/{path}", {"data": data})
        version: int = reply["data"]["version"]
        return version

    async def get(self, path: str) -> dict[str, Any]:
        """Return the newest data. Raises Refused (404) when there is none."""
        if self.version == 1:
            reply = await self._api.read(f"{self.mount}/{path}")
        else:
            reply = (await self._api.read(f"{self.mount}/data/{path}"))["data"]
        data: dict[str, Any] = reply["data"]
        return data

    async def delete(self, path: str) -> None:
        """Delete the newest data; version 2 can undelete it."""
        below = "" if self.version == 1 else "data/"
        await self._api.delete(f"{self.mount}/{below}{path}")

    async def destroy(self, path: str, *versions: int) -> None:
        """Remove these versions for good. Version 2 only."""
        await self._api.write(f"{self.mount}/destroy/{path}", {"versions": versions})

    async def forget(self, path: str) -> None:
        """Remove all versions and the metadata of `path`. Version 2 only."""
        await self._api.delete(f"{self.mount}/metadata/{path}")

    async def _serves(self) -> None:
        """Fail while the server still prepares a new engine, and answers 400."""
        try:
            await self._api.read(f"{self.mount}/config")
        except Refused as error:
            raise AssertionError(str(error)) from error
