"""What outlives the process: the tokens of sessions, stored in the background.

Nothing here keeps anybody from working. Each cache key has one job at most, the newest;
a job that fails is told and tried again after a rest, one at a time for all, so that a
transit engine that refuses costs a request a rest and no more. Who leads begins by
tidying up: without persistence everything that is stored is removed, else what nobody
can go on with. That is done again every hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import structlog

from vso_controller.credentials.encryption import StorageEncryptor
from vso_controller.credentials.entries import Entries
from vso_controller.credentials.keeper import (
    Archive,
    Kept,
    RestoreObserver,
    SessionKeeper,
)
from vso_controller.domain.clientcache import (
    CACHE_KEY_LABEL,
    ENCRYPTION_LABEL,
    Entry,
    PersistenceModel,
    Sign,
    entry_key,
    is_orphan,
    to_secret,
)
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import Envelope, ObservedSecret, OpenSecret
from vso_controller.runtime.backoff import Backoff
from vso_controller.vault.ports import NothingKept, TokenKeeper

TIDY_PERIOD = 3600.0  # seconds
JOB_PATIENCE = 20.0  # seconds that one change of what is stored may take
_TIDY = ""  # the key of a job that is about no session

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Known(Protocol):
    """The store of a kind."""

    def values(self) -> tuple[Envelope, ...]: ...


class Records(Protocol):
    """Knows of the tokens of earlier processes."""

    def ends(self) -> Mapping[str, float]:
        """Return by cache key when, since the epoch, the last token of each ends."""
        ...


class StorageObserver(RestoreObserver, Protocol):
    """Counts what is done to what is stored."""

    def session_storage_changed(self, operation: str, *, failed: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class _Job:
    operation: str  # for logs and metrics
    work: Callable[[], Awaitable[None]]


class Persistence:
    """See the module docstring."""

    def __init__(
        self,
        *,
        model: PersistenceModel,
        namespace: str,
        entries: Entries,
        sign: Sign,
        encryptor: StorageEncryptor,
        auths: Known,
        connections: Known,
        records: Records,
        backoff: Backoff,
        clock: Clock,
        observer: StorageObserver,
    ) -> None:
        self._model = model
        self._namespace = namespace
        self._entries = entries
        self._sign = sign
        self._encryptor = encryptor
        self._auths = auths
        self._connections = connections
        self._records = records
        self._backoff = backoff
        self._clock = clock
        self._observer = observer
        self._archive = Archive(
            namespace=namespace,
            entries=entries,
            sign=sign,
            encryptor=encryptor if model is PersistenceModel.ENCRYPTED else None,
            observer=observer,
            store=self._store,
            remove=self._remove_found,
            claim=self._claim,
        )
        self._jobs: dict[str, _Job] = {}  # by cache key; the oldest first
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        # By cache key, whose the entry is: another one may have its name by now.
        self._owners: dict[str, TokenKeeper] = {}
        self._told: set[tuple[str, type[Exception]]] = set()  # failures, once each
        self._has_tidied = False

    def keeper(self, kept: Kept, auth: Envelope) -> TokenKeeper:
        """Return what keeps the token of a session that is about to be opened."""
        # Who decrypts the tokens of others cannot have its own decrypted by itself.
        is_encryption = auth.labels.get(ENCRYPTION_LABEL) == "true"
        if self._model is PersistenceModel.NONE or (
            is_encryption and auth.key.namespace == self._namespace
        ):
            return NothingKept()
        return SessionKeeper(kept=kept, archive=self._archive)

    def give_up(self, keeper: TokenKeeper) -> None:
        """Have the entry removed of a session that nobody uses any more."""
        for key in [key for key, each in self._owners.items() if each is keeper]:
            del self._owners[key]
            place = entry_key(self._namespace, key)
            self._add(key, _Job("prune", partial(self._entries.remove, place)))

    def clear(self) -> None:
        """Forget what was to be done, and whose what is. What is stored stays."""
        self._jobs.clear()
        self._owners.clear()
        self._told.clear()
        self._has_tidied = False
        self._idle.set()
        self._encryptor.clear()

    async def run(self) -> None:
        """Tidy up, and do what there is to do, until cancelled. For the leader."""
        while True:
            self._add(_TIDY, _Job(self._tidying, self._tidy))
            until = self._clock.monotonic() + TIDY_PERIOD
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._work()

    async def drain(self, *, within: float) -> None:
        """Wait until nothing is to be done, for at most `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()

    @property
    def _tidying(self) -> str:
        return "purge" if self._model is PersistenceModel.NONE else "prune"

    async def _work(self) -> None:
        while True:
            self._news.clear()
            if not self._jobs:
                self._idle.set()
                await self._news.wait()
            key = next(iter(self._jobs))
            if not await self._try(key, self._jobs[key]):
                await asyncio.sleep(self._backoff.next_rest())

    async def _try(self, key: str, job: _Job) -> bool:
        """Do a job and take it off the list, or have it come after the others."""
        try:
            async with asyncio.timeout(JOB_PATIENCE):
                await job.work()
        except (OperationFailed, TimeoutError) as error:
            self._failed(job, error)
            if self._jobs.get(key) is job:
                self._jobs[key] = self._jobs.pop(key)
            return False
        self._observer.session_storage_changed(job.operation, failed=False)
        self._told = {each for each in self._told if each[0] != job.operation}
        if self._jobs.get(key) is job:
            del self._jobs[key]
        return True

    def _failed(self, job: _Job, error: OperationFailed | TimeoutError) -> None:
        self._observer.session_storage_changed(job.operation, failed=True)
        way = (job.operation, type(error))
        tell = log.debug if way in self._told else log.warning
        self._told.add(way)
        tell(
            "session_storage_failed",
            operation=job.operation,
            error_type=type(error).__name__,
            error=str(error),
        )

    def _add(self, key: str, job: _Job) -> None:
        self._jobs.pop(key, None)
        self._jobs[key] = job
        self._idle.clear()
        self._news.set()

    def _claim(self, keeper: SessionKeeper, key: str) -> None:
        self._owners[key] = keeper

    def _store(self, entry: Entry) -> None:
        key = entry.origin.cache_key
        self._add(key, _Job("store", partial(self._put, entry)))

    def _remove_found(self, key: str, found: OpenSecret) -> None:
        self._add(key, _Job("delete", partial(self._entries.drop, found)))

    async def _put(self, entry: Entry) -> None:
        if self._model is PersistenceModel.ENCRYPTED:
            sealed = await self._encryptor.seal(entry.payload)
            entry = replace(entry, payload=sealed.payload, sealed_by=sealed.by)
        secret = to_secret(entry, namespace=self._namespace, sign=self._sign)
        await self._entries.put(secret)

    async def _tidy(self) -> None:
        found = await self._entries.all()
        for each in self._useless(found):
            await self._entries.drop(each)
            log.info("stored_session_removed", secret=str(each.key))
        self._has_tidied = True

    def _useless(self, found: Iterable[ObservedSecret]) -> tuple[ObservedSecret, ...]:
        if self._model is PersistenceModel.NONE:
            return tuple(found)
        auths = _generations(self._auths)
        connections = _generations(self._connections)
        ends = self._records.ends()
        return tuple(
            each
            for each in found
            if is_orphan(each.labels, auths=auths, connections=connections)
            or self._is_left_behind(each.labels.get(CACHE_KEY_LABEL, ""), ends)
        )

    def _is_left_behind(self, key: str, ends: Mapping[str, float]) -> bool:
        """Whether an entry is of no session here and its token has ended.

        Of one that nobody knows, as another operator's, that is taken for granted an
        hour after the start: by then, who could use it has.
        """
        if key in self._owners:
            return False
        end = ends.get(key)
        return self._has_tidied if end is None else end <= self._clock.now()


def _generations(store: Known) -> dict[str, int]:
    return {each.uid: each.generation for each in store.values() if not each.deleting}
