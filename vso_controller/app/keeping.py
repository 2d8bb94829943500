"""What is kept of sessions from one process to the next: built and run here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from vso_controller.app.stores import Stores
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.encryption import StorageEncryptor
from vso_controller.credentials.entries import Entries
from vso_controller.credentials.logins import IdentityLogin, Logins
from vso_controller.credentials.persistence import Persistence
from vso_controller.credentials.references import References
from vso_controller.credentials.sessionrecords import SessionRecords
from vso_controller.domain import clientcache, sessionrecords
from vso_controller.domain.clientcache import PersistenceModel, Sign
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.digest import no_digest
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import ObjectKey
from vso_controller.kube.decoding import SecretDecoder
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.secrets import SECRETS, Secrets
from vso_controller.kube.session import ApiSession
from vso_controller.runtime.backoff import Backoff
from vso_controller.settings.model import Settings
from vso_controller.vault.ports import Transport
from vso_controller.vault.session import VaultSession


@dataclass(frozen=True, slots=True)
class Ways:
    """How to reach Vault for the encryption of what is stored."""

    references: References
    connections: Connections
    logins: Logins
    make_session: Callable[[Transport, IdentityLogin, str], VaultSession]


class Keeping:
    """The stored tokens and the records of sessions. An observer keeps nothing."""

    def __init__(
        self,
        *,
        settings: Settings,
        stores: Stores,
        ways: Ways,
        reads: ApiSession,
        writes: ApiSession,
        sign: Sign,
        metrics: Metrics,
        clock: Clock,
        random: Random,
    ) -> None:
        decoder = SecretDecoder(digest=no_digest)
        read, written = (
            Secrets(session=each, decoder=decoder) for each in (reads, writes)
        )
        self.records = SessionRecords(
            key=ObjectKey(settings.namespace, sessionrecords.NAME),
            reads=read,
            writes=written,
            backoff=_backoff(settings, clock, random),
            clock=clock,
        )
        model = settings.client_cache_persistence_model
        self.persistence = Persistence(
            model=PersistenceModel.NONE if settings.observe else model,
            namespace=settings.namespace,
            entries=Entries(
                reads=read,
                writes=written,
                pages=ResourceListWatch(
                    session=reads,
                    resource=SECRETS,
                    decoder=decoder,
                    namespace=settings.namespace,
                    label_selector=clientcache.SELECTOR,
                ),
            ),
            sign=sign,
            encryptor=StorageEncryptor(
                auths=stores.auths,
                references=ways.references,
                connections=ways.connections,
                logins=ways.logins,
                make_session=ways.make_session,
                namespace=settings.namespace,
            ),
            auths=stores.auths,
            connections=stores.connections,
            records=self.records,
            backoff=_backoff(settings, clock, random),
            clock=clock,
            observer=metrics,
        )

    async def run(self) -> None:
        """Write what is to be kept, until cancelled. For the leader alone."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.records.run())
            group.create_task(self.persistence.run())

    async def finish(self, *, within: float) -> None:
        """Write what is not written yet, for at most `within` seconds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.persistence.drain(within=within))
            group.create_task(self.records.flush(within=within))

    def clear(self) -> None:
        """Forget all. What is stored waits for who leads next."""
        self.persistence.clear()
        self.records.clear()


def _backoff(settings: Settings, clock: Clock, random: Random) -> Backoff:
    return Backoff(
        initial=settings.backoff_initial_interval.total_seconds(),
        maximum=settings.backoff_max_interval.total_seconds(),
        reset_after=settings.backoff_max_interval.total_seconds(),
        clock=clock,
        random=random,
    )
