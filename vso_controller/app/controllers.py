"""The reconcilers of all kinds, with everything they need.

A new kind is one more method here.
"""

from __future__ import annotations

import secrets as randomness
from functools import partial
from importlib.metadata import version
from random import Random

from vso_controller.api.kinds import (
    SECRET_TRANSFORMATION,
    VAULT_AUTH,
    VAULT_AUTH_GLOBAL,
    VAULT_CONNECTION,
    VAULT_DYNAMIC_SECRET,
    VAULT_STATIC_SECRET,
    Kind,
)
from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.app.engine import Engine
from vso_controller.app.keeping import Keeping, Ways
from vso_controller.app.stores import Reflectors, Stores
from vso_controller.app.templates import template_renderer
from vso_controller.credentials.answers import Answers
from vso_controller.credentials.authorities import Authorities
from vso_controller.credentials.bulkhead import Bulkhead, BulkheadTiming, Wakes
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.files import RootedFiles
from vso_controller.credentials.hmackey import HmacKey
from vso_controller.credentials.loginresults import LoginResults
from vso_controller.credentials.logins import IdentityLogin, Logins
from vso_controller.credentials.pool import SessionPool
from vso_controller.credentials.reads import SharedReads
from vso_controller.credentials.references import References
from vso_controller.credentials.watching import CredentialSecrets
from vso_controller.credentials.workers import Workers
from vso_controller.domain import hmackey
from vso_controller.domain.clientcache import PersistenceModel
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.digest import no_digest
from vso_controller.foundation.durations import parse_duration
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import Envelope, ObjectKey, ObjectVersion
from vso_controller.foundation.secret import Secret
from vso_controller.kube.decoding import SecretDecoder
from vso_controller.kube.events import EventRecorder
from vso_controller.kube.intentions import Intentions
from vso_controller.kube.secrets import ObservedSecrets, Secrets
from vso_controller.kube.session import ApiSession
from vso_controller.kube.status import StatusWriter
from vso_controller.kube.tokens import ServiceAccountTokens
from vso_controller.reconcilers.consumers import resource_of
from vso_controller.reconcilers.destinations import Destinations
from vso_controller.reconcilers.dynamicissue import Issuer
from vso_controller.reconcilers.dynamicleases import Leases
from vso_controller.reconcilers.filling import Fillings
from vso_controller.reconcilers.known import KnownResources
from vso_controller.reconcilers.observing import ObservingReconciler
from vso_controller.reconcilers.ports import Gate
from vso_controller.reconcilers.reporting import Reporter
from vso_controller.reconcilers.secrettransformation import (
    SecretTransformationReconciler,
)
from vso_controller.reconcilers.transformations import Transformations
from vso_controller.reconcilers.triggers import Triggers
from vso_controller.reconcilers.unlabelled import UnlabelledSecrets
from vso_controller.reconcilers.vaultauth import VaultAuthReconciler
from vso_controller.reconcilers.vaultauthglobal import VaultAuthGlobalReconciler
from vso_controller.reconcilers.vaultconnection import VaultConnectionReconciler
from vso_controller.reconcilers.vaultdynamicsecret import (
    VaultDynamicSecretReconciler,
)
from vso_controller.reconcilers.vaultstaticsecret import (
    RefreshPolicy,
    VaultStaticSecretReconciler,
)
from vso_controller.reconcilers.versions import SeenVersions
from vso_controller.runtime.backoff import Backoff
from vso_controller.runtime.controller import Controller
from vso_controller.runtime.informers import Informers
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.ports import Reconciler
from vso_controller.runtime.store import Store
from vso_controller.settings.model import Settings
from vso_controller.settings.naming import flag
from vso_controller.vault.client import VaultClient
from vso_controller.vault.ports import TokenKeeper, Transport
from vso_controller.vault.reach import Reach
from vso_controller.vault.session import NOTHING_KEPT, VaultSession
from vso_controller.vault.timing import SessionTiming
from vso_controller.vault.tls import SystemTrust, build_tls

VAULT_USER_AGENT = f"vso-controller/{version('vso-controller')}"
SESSIONS = "vaultsession"
"""The name of the controller that renews the tokens of sessions."""
DEFAULT_TIMEOUT = 60.0
"""Seconds that a request to Vault may take where the VaultConnection is silent."""


class Controllers:
    """Wires the reconcilers to stores, sessions and the API server."""

    def __init__(
        self,
        *,
        settings: Settings,
        stores: Stores,
        engine: Engine,
        metrics: Metrics,
        reflectors: Reflectors,
        reads: ApiSession,
        writes: ApiSession,
        events: EventRecorder,
        gate: Gate,
        clock: Clock,
        random: Random,
    ) -> None:
        self._settings = settings
        self._stores = stores
        self._engine = engine
        self._metrics = metrics
        self._writes = writes
        self._events = events
        self._clock = clock
        self._random = random
        self._known = KnownResources()
        self._versions = SeenVersions(observer=metrics)
        self.hmac_key = self._hmac_key()
        self._fillings = Fillings(digest=self.hmac_key.digest, observer=metrics)
        self._transformations = Transformations(
            resources=stores.transformations,
            renderer=template_renderer(clock.now),
            digest=self.hmac_key.digest,
            exclude_raw=settings.excludes_raw,
            tenancy=settings.tenancy,
            scopes=settings.watch_scopes,
        )
        self.decoder = SecretDecoder(digest=self.hmac_key.digest)
        self._intentions = Intentions(
            session=reads, digest_key=Secret(randomness.token_bytes(32))
        )
        self._workers = Workers(number=settings.max_concurrent_reconciles)
        live = Secrets(session=reads, decoder=self.decoder)
        self._longest_vault_timeout = DEFAULT_TIMEOUT
        self._system_trust = SystemTrust()
        self._connections = Connections(
            authorities=Authorities(
                secrets=live,
                files=RootedFiles(
                    roots=settings.ca_path_roots, flag=flag("ca_path_roots")
                ),
            ),
            make_client=self._make_client,
            make_bulkhead=self._make_bulkhead,
            forgotten=metrics.vault_gone,
        )
        self._references = _references(settings, stores)
        self._triggers = _triggers(settings, stores)
        self.versions = Informers(
            make_feed=reflectors.of_versions, handler=self._version_changed
        )
        self._login_results = LoginResults(wake=self._triggers.wake_auth)
        self._unlabelled = UnlabelledSecrets(
            versions=self.versions,
            secrets=Secrets(session=writes, decoder=self.decoder),
        )
        logins = Logins(
            tokens=ServiceAccountTokens(session=reads),
            secrets=live,
            files=RootedFiles(
                roots=settings.credential_path_roots,
                flag=flag("credential_path_roots"),
            ),
        )
        self.keeping = Keeping(
            settings=settings,
            stores=stores,
            ways=Ways(
                references=self._references,
                connections=self._connections,
                logins=logins,
                make_session=self._make_session,
            ),
            reads=reads,
            writes=writes,
            sign=self.hmac_key.sign,
            metrics=metrics,
            clock=clock,
            random=random,
        )
        self._sessions = SessionPool(
            references=self._references,
            connections=self._connections,
            logins=logins,
            secrets=CredentialSecrets(versions=self.versions),
            reads=self._shared_reads(),
            make_session=self._make_session,
            keepers=self.keeping.persistence,
            records=self.keeping.records,
            results=self._login_results,
            clock=clock,
            wake=lambda key: engine.enqueue(SESSIONS, key),
            wake_consumer=self._triggers.wake_consumer,
            most=settings.client_cache_size,
        )
        self._gate = gate
        self._write_secrets()

    def _write_secrets(self) -> None:
        """Make what the reconcilers of Secrets share, and what has leases."""
        self._metrics.watch_sessions(self._sessions)
        self._destinations = Destinations(
            watched=self._stores.secrets,
            unlabelled=self._unlabelled,
            secrets=self._written_secrets(),
        )
        self._leases = Leases(
            sessions=self._sessions,
            ends=self.keeping.records,
            gate=self._gate,
            clock=self._clock,
        )
        self._issuer = Issuer(
            leases=self._leases,
            destinations=self._destinations,
            fillings=Fillings(digest=self.hmac_key.digest, observer=self._metrics),
            clock=self._clock,
        )

    def add_all(self) -> None:
        """Add the controllers of all kinds to the engine, and their triggers."""
        self._engine.add(SESSIONS, self._sessions, self._sessions.keys)
        self._triggers.connect(
            connection=self._vault_connections().enqueue,
            auth=self._vault_auths().enqueue,
            global_=self._vault_auth_globals().enqueue,
            static_secret=self._vault_static_secrets().enqueue,
            dynamic_secret=self._vault_dynamic_secrets().enqueue,
            transformation=self._secret_transformations().enqueue,
        )

    async def take_leave(self, *, within: float) -> None:
        """Say the last words to Vault, in so many seconds, when no controller runs.

        What is stored for the next process is of use to it, and not given back.
        """
        settings = self._settings
        stores = settings.client_cache_persistence_model is not PersistenceModel.NONE
        await self._sessions.say_farewell(
            within=within, revoke=settings.revoke_tokens_on_shutdown and not stores
        )

    async def stand_down(self) -> None:
        """Let go of all that was opened for resources, when no controller runs.

        What is deleted while nobody reconciles is never heard of again, so nothing
        is kept from one leadership to the next.
        """
        self._known.clear()
        self._versions.clear()
        self._fillings.clear()
        await self._issuer.clear()
        self._leases.clear()
        self._longest_vault_timeout = DEFAULT_TIMEOUT
        await self._sessions.clear()
        self.keeping.clear()
        self._unlabelled.clear()
        await self._connections.close()

    @property
    def longest_vault_timeout(self) -> float:
        """Seconds that a call of Vault may take, as any VaultConnection has it.

        One that is not there any more counts on until this process leads no more.
        """
        return self._longest_vault_timeout

    def _version_changed(
        self, old: ObjectVersion | None, new: ObjectVersion | None
    ) -> None:
        self._triggers.version_changed(old, new)
        self._sessions.secret_changed(old, new)

    def _vault_connections(self) -> Controller:
        reconciler = VaultConnectionReconciler(
            resources=self._stores.connections,
            connections=self._connections,
            reporter=self._reporter(VAULT_CONNECTION, self._stores.connections),
            clock=self._clock,
            probe_interval=self._settings.connection_probe_interval,
        )
        return self._add(VAULT_CONNECTION, reconciler, self._stores.connections)

    def _vault_auths(self) -> Controller:
        reconciler = VaultAuthReconciler(
            resources=self._stores.auths,
            references=self._references,
            logins=self._login_results,
            reporter=self._reporter(VAULT_AUTH, self._stores.auths),
            clock=self._clock,
        )
        return self._add(VAULT_AUTH, reconciler, self._stores.auths)

    def _vault_auth_globals(self) -> Controller:
        store = self._stores.auth_globals
        reconciler = VaultAuthGlobalReconciler(
            resources=store,
            references=self._references,
            reporter=self._reporter(VAULT_AUTH_GLOBAL, store),
            clock=self._clock,
        )
        return self._add(VAULT_AUTH_GLOBAL, reconciler, store)

    def _vault_static_secrets(self) -> Controller:
        reconciler = VaultStaticSecretReconciler(
            resources=self._stores.static_secrets,
            sessions=self._sessions,
            destinations=self._destinations,
            transformations=self._transformations,
            fillings=self._fillings,
            reporter=self._reporter(VAULT_STATIC_SECRET, self._stores.static_secrets),
            known=self._known,
            versions=self._versions,
            operator_namespace=self._settings.namespace,
            policy=RefreshPolicy(
                floor=self._settings.min_refresh_after,
                freshness_floor=self._settings.read_freshness_floor,
            ),
            clock=self._clock,
        )
        return self._add(VAULT_STATIC_SECRET, reconciler, self._stores.static_secrets)

    def _vault_dynamic_secrets(self) -> Controller:
        store = self._stores.dynamic_secrets
        reconciler = VaultDynamicSecretReconciler(
            resources=store,
            leases=self._leases,
            issuer=self._issuer,
            destinations=self._destinations,
            transformations=self._transformations,
            reporter=self._reporter(VAULT_DYNAMIC_SECRET, store),
            finalizers=StatusWriter(session=self._writes),
            digest=self.hmac_key.digest,
            operator_namespace=self._settings.namespace,
            clock=self._clock,
        )
        return self._add(VAULT_DYNAMIC_SECRET, reconciler, store)

    def _secret_transformations(self) -> Controller:
        store = self._stores.transformations
        reconciler = SecretTransformationReconciler(
            resources=store,
            transformations=self._transformations,
            reporter=self._reporter(SECRET_TRANSFORMATION, store),
            clock=self._clock,
        )
        return self._add(SECRET_TRANSFORMATION, reconciler, store)

    def _add(
        self, kind: Kind, reconciler: Reconciler, store: Store[Envelope]
    ) -> Controller:
        if self._settings.observe:
            reconciler = self._observing(kind, reconciler)
        return self._engine.add(kind.singular, reconciler, store.keys)

    def _written_secrets(self) -> Secrets:
        kind = ObservedSecrets if self._settings.observe else Secrets
        return kind(session=self._writes, decoder=self.decoder)

    def _observing(self, kind: Kind, reconciler: Reconciler) -> Reconciler:
        return ObservingReconciler(
            controller=kind.singular,
            reconciler=reconciler,
            describer=self._intentions,
            metrics=self._metrics,
            look_again=self._settings.backoff_max_interval,
        )

    def _reporter(self, kind: Kind, store: Store[Envelope]) -> Reporter:
        return Reporter(
            kind=kind,
            resources=store,
            statuses=StatusWriter(session=self._writes),
            events=self._events,
            metrics=self._metrics,
        )

    def _hmac_key(self) -> HmacKey:
        settings = self._settings
        return HmacKey(
            key=ObjectKey(settings.namespace, hmackey.NAME),
            store=self._stores.hmac_key,
            # What is created is learned from the watch, not from the answer.
            secrets=Secrets(
                session=self._writes, decoder=SecretDecoder(digest=no_digest)
            ),
            random_bytes=randomness.token_bytes,
            backoff=Backoff(
                initial=settings.watch_backoff_initial_interval.total_seconds(),
                maximum=settings.watch_backoff_max_interval.total_seconds(),
                reset_after=settings.watch_timeout_max.total_seconds(),
                clock=self._clock,
                random=self._random,
            ),
            observer=self._metrics,
        )

    def _shared_reads(self) -> SharedReads:
        window = self._settings.read_sharing_window.total_seconds()
        return SharedReads(
            answers=Answers(window=window, clock=self._clock),
            observer=self._metrics,
            clock=self._clock,
        )

    def _make_client(
        self, key: ObjectKey, spec: VaultConnectionSpec, ca: bytes | None
    ) -> VaultClient:
        written = parse_duration(spec.timeout).total_seconds() if spec.timeout else 0
        timeout = written or DEFAULT_TIMEOUT
        self._longest_vault_timeout = max(self._longest_vault_timeout, timeout)
        observer = self._metrics.vault(key)
        observer.verifying(not spec.skip_tls_verify)
        return VaultClient(
            address=spec.address,
            user_agent=VAULT_USER_AGENT,
            clock=self._clock,
            tls=build_tls(
                ca_pem=ca,
                server_name=spec.tls_server_name or "",
                skip_verify=spec.skip_tls_verify,
                system=self._system_trust,
            ),
            headers=spec.headers,
            timeout=timeout,
            trust_env=True,
            observer=observer,
            reach=Reach(self._settings.vault_address_allow),
        )

    def _make_bulkhead(self, key: ObjectKey) -> Bulkhead:
        enqueue = self._engine.enqueue
        bulkhead = Bulkhead(
            about=key,
            timing=_bulkhead_timing(self._settings),
            workers=self._workers,
            wakes=Wakes(
                connection=partial(enqueue, VAULT_CONNECTION.singular),
                session=partial(enqueue, SESSIONS),
                consumer=self._resume_consumer,
            ),
            clock=self._clock,
        )
        self._metrics.bulkhead(key, bulkhead)
        return bulkhead

    def _resume_consumer(self, consumer: ObjectKey, lane: Lane) -> None:
        kind, key = resource_of(consumer)
        self._engine.resume(kind, key, lane)

    def _make_session(
        self,
        client: Transport,
        login: IdentityLogin,
        namespace: str,
        keeper: TokenKeeper = NOTHING_KEPT,
    ) -> VaultSession:
        return VaultSession(
            transport=client,
            login=login,
            clock=self._clock,
            random=self._random,
            observer=self._metrics.logins(login.name),
            namespace=namespace,
            timing=_session_timing(self._settings),
            keeper=keeper,
        )


def _references(settings: Settings, stores: Stores) -> References:
    return References(
        auths=stores.auths,
        globals_=stores.auth_globals,
        connections=stores.connections,
        tenancy=settings.tenancy,
        scopes=settings.watch_scopes,
    )


def _triggers(settings: Settings, stores: Stores) -> Triggers:
    return Triggers(
        connections=stores.connections,
        auths=stores.auths,
        globals_=stores.auth_globals,
        static_secrets=stores.static_secrets,
        dynamic_secrets=stores.dynamic_secrets,
        transformations=stores.transformations,
        secrets=stores.secrets,
        tenancy=settings.tenancy,
    )


def _bulkhead_timing(settings: Settings) -> BulkheadTiming:
    return BulkheadTiming(
        most_reads=settings.vault_max_concurrent_reads,
        probe_rest=settings.connection_outage_probe_interval.total_seconds(),
    )


def _session_timing(settings: Settings) -> SessionTiming:
    """Let sessions rest as resources do: by the settings of the back-off."""
    first = settings.backoff_initial_interval.total_seconds()
    longest = settings.backoff_max_interval.total_seconds()
    return SessionTiming(
        first_rest=first,
        growth=settings.backoff_multiplier,
        longest_rest=longest,
        longest_transient_rest=min(2 * first, longest),
        verdict_holds=first,
        relogin_rest=longest,
    )
