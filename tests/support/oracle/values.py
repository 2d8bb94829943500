"""A key-value engine whose writers tell the journal what they do."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.canaries import Canaries
from tests.support.openbao_kv import KeyValue
from tests.support.oracle.journal import Journal, Source


class WitnessedValues:
    """Does as `KeyValue` does; what is written becomes a canary and a cause."""

    def __init__(
        self, *, engine: KeyValue, journal: Journal, canaries: Canaries
    ) -> None:
        self.engine = engine
        self.mount = engine.mount
        self._journal = journal
        self._canaries = canaries

    async def put(self, path: str, data: Mapping[str, object]) -> int:
        """Write `data`; return its version, which is 0 in a version 1 engine."""
        for key, value in data.items():
            # Before anybody can read it: from now on it is looked for.
            self._canaries.add(str(value), f"{self.mount}/{path}:{key}")
        version = await self.engine.put(path, data)
        self._journal.value_written(Source(self.mount, path), data)
        return version

    async def delete(self, path: str) -> None:
        """Delete the newest data; version 2 can undelete it.

        That is no cause: what a Secret held last it keeps.
        """
        await self.engine.delete(path)
