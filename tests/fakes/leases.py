"""A Lease in memory, with the API server's rules about resource versions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from vso_controller.foundation.errors import OperationFailed, Transient
from vso_controller.foundation.leases import LeaseChanged, LeaseRecord


class FakeLeases:
    """A `LeaseStore` that every candidate of a test shares."""

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None
        self.down: OperationFailed | None = None  # raised by every request
        self.takes = 0.0  # seconds, for each request
        self.hangs = False  # requests are neither carried out nor answered
        self.loses_replies = False  # requests are carried out, not answered
        self.requests = 0
        self.refused_writes = 0
        self._version = 100

    def put(self, record: LeaseRecord | None) -> None:
        """Store `record` as somebody with an editor would."""
        self._version += 1
        self.record = record and replace(record, resource_version=str(self._version))

    async def read(self) -> LeaseRecord | None:
        await self._arrive()
        return self.record

    async def create(self, record: LeaseRecord) -> LeaseRecord:
        await self._arrive()
        if self.record is not None:
            self.refused_writes += 1
            raise Transient("the lease exists already")
        return await self._write(record)

    async def update(self, record: LeaseRecord) -> LeaseRecord:
        await self._arrive()
        stored = self.record
        if stored is None or stored.resource_version != record.resource_version:
            self.refused_writes += 1
            raise LeaseChanged("the lease is not what was read any more")
        return await self._write(record)

    async def _arrive(self) -> None:
        self.requests += 1
        # A request takes at least one step of the loop, as any would.
        await asyncio.sleep(self.takes)
        if self.hangs:
            await asyncio.Event().wait()
        if self.down is not None:
            raise self.down

    async def _write(self, record: LeaseRecord) -> LeaseRecord:
        self._version += 1
        self.record = stored = replace(record, resource_version=str(self._version))
        if self.loses_replies:
            await asyncio.Event().wait()
        return stored
