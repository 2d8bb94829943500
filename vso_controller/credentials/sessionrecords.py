"""The records of sessions, kept in one Secret beside the controller.

They are written sparsely: a new token within a few seconds, a renewal when it is worth
it and together with others, and what has ended goes with the next write. What is known
from an earlier process counts until it has ended.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

import structlog

from vso_controller.domain.sessionrecords import (
    LABELS,
    MOST,
    TYPE,
    SessionRecord,
    encode_records,
    read_records,
    worth_keeping,
)
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Gone, OperationFailed
from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    OpenSecret,
    SecretPatch,
)
from vso_controller.runtime.backoff import Backoff

NEW_WITHIN = 3.0
"""Seconds in which the records of new tokens are written, at most once."""
RENEWED_WITHIN = 30.0
"""Seconds in which renewals are written, unless the token ends much earlier."""
_SHARE = 0.1  # of the life that a token was known to have left

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class RecordReads(Protocol):
    """Reads Secrets."""

    async def read_open(self, key: ObjectKey) -> OpenSecret: ...


class RecordWrites(Protocol):
    """Writes Secrets, if this process leads."""

    async def create(self, secret: NewSecret) -> object: ...
    async def patch(self, patch: SecretPatch) -> object: ...


class SessionRecords:
    """See the module docstring."""

    def __init__(
        self,
        *,
        key: ObjectKey,
        reads: RecordReads,
        writes: RecordWrites,
        backoff: Backoff,
        clock: Clock,
    ) -> None:
        self._key = key
        self._reads = reads
        self._writes = writes
        self._backoff = backoff
        self._clock = clock
        self._records: dict[str, SessionRecord] = {}  # by client ID
        self._stored: dict[str, SessionRecord] = {}  # as the Secret has them
        self._due: float | None = None  # on the loop's clock: when to write
        self._news = asyncio.Event()

    def end_of(self, client_id: str) -> float | None:
        """Return when a token ends, in seconds since the epoch; infinite: never.

        None: no such token is known. One that has ended may be known no more.
        """
        record = self._records.get(client_id)
        return None if record is None else record.end

    def ends(self) -> dict[str, float]:
        """Return by cache key when the last token of each session ends."""
        found: dict[str, float] = {}
        for each in self._records.values():
            found[each.cache_key] = max(each.end, found.get(each.cache_key, each.end))
        return found

    def note(self, client_id: str, *, cache_key: str, ends: float) -> None:
        """Take in that a token ends at `ends` on the boot clock, infinite for never."""
        now = self._clock.now()
        end = now + ends - self._clock.boot()
        record = self._records[client_id] = SessionRecord(cache_key, end)
        if len(self._records) > 2 * MOST:  # nobody writes, as in an observer
            self._records = worth_keeping(self._records, now=now)
        stored = self._stored.get(client_id)
        if not record.is_news(stored, now=now):
            return
        wait = NEW_WITHIN
        if stored is not None:
            wait = min(RENEWED_WITHIN, _SHARE * max(stored.end - now, 0.0))
        due = self._clock.monotonic() + wait
        if self._due is None or due < self._due:
            self._due = due
            self._news.set()

    def clear(self) -> None:
        """Forget everything. What is stored stays."""
        self._records.clear()
        self._stored.clear()
        self._due = None

    async def run(self) -> None:
        """Read what is stored, then write what is news, until cancelled."""
        while True:
            try:
                await self._load()
                await self._keep_up()
            except OperationFailed as error:
                rest = self._backoff.next_rest()
                log.warning(
                    "session_records_failed", error=str(error), rest=round(rest, 3)
                )
                await asyncio.sleep(rest)

    async def flush(self, *, within: float) -> None:
        """Write what is news now. What fails, or takes too long, is left out."""
        if self._due is None:
            return
        with suppress(TimeoutError, OperationFailed):
            async with asyncio.timeout(within):
                await self._write()

    async def _keep_up(self) -> None:
        while True:
            if self._due is not None and self._due <= self._clock.monotonic():
                await self._write()
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._due):
                    await self._news.wait()

    async def _load(self) -> None:
        try:
            found = await self._reads.read_open(self._key)
        except Gone:
            self._stored = {}
        else:
            self._stored = read_records(found.data)
        # What this process knows of a token is newer.
        self._records = self._stored | self._records
        if self._is_behind():
            self._due = self._clock.monotonic() + NEW_WITHIN

    def _is_behind(self) -> bool:
        now = self._clock.now()
        kept = worth_keeping(self._records, now=now)
        return any(
            each.is_news(self._stored.get(name), now=now) for name, each in kept.items()
        )

    async def _write(self) -> None:
        """Write all that differs. What is noted meanwhile is due anew."""
        self._due = None
        kept = worth_keeping(self._records, now=self._clock.now())
        self._records = dict(kept)
        try:
            found = await self._reads.read_open(self._key)
        except Gone:
            await self._writes.create(self._secret(kept))
        else:
            await self._patch(found, kept)
        self._stored = kept

    def _secret(self, records: dict[str, SessionRecord]) -> NewSecret:
        return NewSecret(
            key=self._key, type=TYPE, data=encode_records(records), labels=LABELS
        )

    async def _patch(self, found: OpenSecret, kept: dict[str, SessionRecord]) -> None:
        wanted, held = encode_records(kept).reveal(), found.data.reveal()
        changed = {
            name: each for name, each in wanted.items() if held.get(name) != each
        }
        gone = held.keys() - wanted.keys()
        if not changed and not gone:
            return
        await self._writes.patch(
            SecretPatch(
                key=self._key,
                uid=found.uid,
                resource_version=found.resource_version,
                data=encode_records({name: kept[name] for name in changed}),
                removed_keys=frozenset(gone),
            )
        )
