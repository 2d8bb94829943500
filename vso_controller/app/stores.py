"""The stores of all kinds, and the reflectors that feed them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random
from typing import TypeVar

from vso_controller.api.kinds import (
    SECRET_TRANSFORMATION,
    VAULT_AUTH,
    VAULT_AUTH_GLOBAL,
    VAULT_CONNECTION,
    VAULT_DYNAMIC_SECRET,
    VAULT_STATIC_SECRET,
    Kind,
)
from vso_controller.domain import hmackey
from vso_controller.domain.ownership import OWNER_LABELS
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.listwatch import EVERYWHERE
from vso_controller.foundation.objects import (
    Envelope,
    ObjectVersion,
    ObservedSecret,
    OpenSecret,
)
from vso_controller.kube.decoding import (
    EnvelopeDecoder,
    OpenSecretDecoder,
    SecretDecoder,
    VersionDecoder,
)
from vso_controller.kube.listwatch import ResourceListWatch
from vso_controller.kube.secrets import SECRETS
from vso_controller.kube.session import ApiSession
from vso_controller.runtime.ports import Keyed, ListWatch
from vso_controller.runtime.reflector import Reflector, ReflectorTiming
from vso_controller.runtime.store import Store
from vso_controller.settings.model import WatchSettings

T = TypeVar("T", bound=Keyed)

OUR_SECRETS = ",".join(f"{name}={value}" for name, value in OWNER_LABELS.items())
"""Selects the Secrets that this operator owns, so that no other is ever listed."""


class Stores:
    """One store for each kind that is watched."""

    def __init__(self, scopes: Collection[str] = (EVERYWHERE,)) -> None:
        self.connections: Store[Envelope] = Store(scopes=scopes)
        self.auths: Store[Envelope] = Store(scopes=scopes)
        self.auth_globals: Store[Envelope] = Store(scopes=scopes)
        self.static_secrets: Store[Envelope] = Store(scopes=scopes)
        self.dynamic_secrets: Store[Envelope] = Store(scopes=scopes)
        self.transformations: Store[Envelope] = Store(scopes=scopes)
        self.secrets: Store[ObservedSecret] = Store(scopes=scopes)
        self.hmac_key: Store[OpenSecret] = Store()

    async def wait_synced(self) -> None:
        """Wait until every store has been filled from a whole list."""
        for store in (
            self.connections,
            self.auths,
            self.auth_globals,
            self.static_secrets,
            self.dynamic_secrets,
            self.transformations,
            self.secrets,
        ):
            await store.wait_synced()


class Reflectors:
    """Makes the reflectors of all stores."""

    def __init__(
        self,
        *,
        session: ApiSession,
        clock: Clock,
        random: Random,
        settings: WatchSettings,
    ) -> None:
        self._session = session
        self._clock = clock
        self._random = random
        self.timing = ReflectorTiming(
            watch_shortest=settings.watch_timeout_min.total_seconds(),
            watch_longest=settings.watch_timeout_max.total_seconds(),
            watch_grace=settings.watch_stall_margin.total_seconds(),
            backoff_initial=settings.watch_backoff_initial_interval.total_seconds(),
            backoff_maximum=settings.watch_backoff_max_interval.total_seconds(),
        )

    def of_kinds(
        self, stores: Stores, scopes: Collection[str]
    ) -> Iterator[Reflector[Envelope]]:
        """Return a reflector for each of our kinds in each of the scopes."""
        for scope in scopes:
            yield self._of_kind(VAULT_CONNECTION, stores.connections, scope)
            yield self._of_kind(VAULT_AUTH, stores.auths, scope)
            yield self._of_kind(VAULT_AUTH_GLOBAL, stores.auth_globals, scope)
            yield self._of_kind(VAULT_STATIC_SECRET, stores.static_secrets, scope)
            yield self._of_kind(VAULT_DYNAMIC_SECRET, stores.dynamic_secrets, scope)
            yield self._of_kind(SECRET_TRANSFORMATION, stores.transformations, scope)

    def of_secrets(
        self,
        store: Store[ObservedSecret],
        decoder: SecretDecoder,
        scopes: Collection[str],
    ) -> Iterator[Reflector[ObservedSecret]]:
        """Return a reflector for the Secrets with our labels in each of the scopes."""
        for scope in scopes:
            source = ResourceListWatch(
                session=self._session,
                resource=SECRETS,
                decoder=decoder,
                namespace=scope,
                label_selector=OUR_SECRETS,
            )
            yield self._reflector(SECRETS.plural, source, store, scope)

    def of_hmac_key(
        self, namespace: str, store: Store[OpenSecret]
    ) -> Reflector[OpenSecret]:
        """Return a reflector for the one Secret that holds the key of digests."""
        source = ResourceListWatch(
            session=self._session,
            resource=SECRETS,
            decoder=OpenSecretDecoder(),
            namespace=namespace,
            name=hmackey.NAME,
        )
        return self._reflector(f"{SECRETS.plural} {hmackey.NAME}", source, store)

    def of_versions(
        self, namespace: str, store: Store[ObjectVersion]
    ) -> Reflector[ObjectVersion]:
        """Return a reflector for the versions of all Secrets of a namespace."""
        source = ResourceListWatch(
            session=self._session,
            resource=SECRETS,
            decoder=VersionDecoder(),
            namespace=namespace,
            metadata_only=True,
        )
        return self._reflector(
            f"versions of {SECRETS.plural} in {namespace}", source, store
        )

    def _of_kind(
        self, kind: Kind, store: Store[Envelope], scope: str
    ) -> Reflector[Envelope]:
        source = ResourceListWatch(
            session=self._session,
            resource=kind.resource,
            decoder=EnvelopeDecoder(),
            namespace=scope,
        )
        return self._reflector(kind.resource.plural, source, store, scope)

    def _reflector(
        self, name: str, source: ListWatch[T], store: Store[T], scope: str = EVERYWHERE
    ) -> Reflector[T]:
        return Reflector(
            name=f"{name} in {scope}" if scope else name,
            source=source,
            store=store,
            scope=scope,
            clock=self._clock,
            random=self._random,
            timing=self.timing,
        )
