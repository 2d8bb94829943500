"""A small world for reconcilers: real stores, sessions and plans around two fakes.

What a test changes it changes in the world (an object, a value in Vault); what
it asserts on is what the world holds afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import trustme

from tests.fakes.kubernetes import DIGEST_KEY, FakeKubernetes, FakePages
from tests.fakes.templates import FakeRenderer
from tests.fakes.tokens import FakeTokens
from tests.fakes.vault_transport import LoopClock, VaultInMemory
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
from vso_controller.credentials.answers import Answers
from vso_controller.credentials.authorities import Authorities
from vso_controller.credentials.bulkhead import Bulkhead, BulkheadTiming, Wakes
from vso_controller.credentials.connections import Connections
from vso_controller.credentials.encryption import StorageEncryptor
from vso_controller.credentials.entries import Entries
from vso_controller.credentials.files import RootedFiles
from vso_controller.credentials.loginresults import LoginResults
from vso_controller.credentials.logins import IdentityLogin, Logins
from vso_controller.credentials.persistence import Persistence
from vso_controller.credentials.pool import SessionPool
from vso_controller.credentials.reads import SharedReads
from vso_controller.credentials.references import References
from vso_controller.credentials.sessionrecords import SessionRecords
from vso_controller.credentials.watching import CredentialSecrets
from vso_controller.credentials.workers import Workers
from vso_controller.domain.clientcache import LABELS, PersistenceModel
from vso_controller.domain.references import Tenancy
from vso_controller.domain.sessionrecords import NAME
from vso_controller.foundation.digest import digest_with
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.intentions import Write
from vso_controller.foundation.listwatch import EVERYWHERE, EventType, WatchEvent
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import Envelope, ObjectKey, ObjectVersion
from vso_controller.foundation.secret import Secret
from vso_controller.reconcilers.destinations import Destinations
from vso_controller.reconcilers.dynamicissue import Issuer
from vso_controller.reconcilers.dynamicleases import Leases
from vso_controller.reconcilers.filling import Fillings
from vso_controller.reconcilers.known import KnownResources
from vso_controller.reconcilers.ports import Gate, Renderer
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
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.store import Store
from vso_controller.vault.ports import TokenKeeper, Transport
from vso_controller.vault.requests import Operation, VaultReply, VaultRequest
from vso_controller.vault.session import NOTHING_KEPT, VaultSession

OPERATOR = "vso-system"
RECORDS = ObjectKey(OPERATOR, NAME)
CONNECTION = ObjectKey("apps", "vault")
AUTH = ObjectKey("apps", "auth")
RESOURCE = ObjectKey("apps", "database")
DESTINATION = ObjectKey("apps", "db-secret")
PATH = "secret/data/prod/db"
MOST_READS = 32  # that one Vault has under way
PROBE_REST = 5.0  # seconds between two probes of a Vault that does not serve

CONNECTION_SPEC: dict[str, Any] = {"address": "https://vault:8200"}
AUTH_SPEC: dict[str, Any] = {
    "method": "kubernetes",
    "mount": "kubernetes",
    "vaultConnectionRef": "vault",
    "kubernetes": {"role": "app", "serviceAccount": "app-sa", "audiences": ["vault"]},
}
RESOURCE_SPEC: dict[str, Any] = {
    "vaultAuthRef": "auth",
    "mount": "secret",
    "type": "kv-v2",
    "path": "prod/db",
    "refreshAfter": "30s",
    "destination": {"name": "db-secret", "create": True},
}


def sign(message: bytes) -> bytes:
    """Return HMAC-SHA256 of a message, with a key of the tests."""
    return hmac.digest(DIGEST_KEY, message, hashlib.sha256)


@cache
def certificate(name: str) -> bytes:
    """Return the PEM certificate of the CA that the tests call `name`."""
    return trustme.CA(organization_name=name).cert_pem.bytes()


class FakeVault(VaultInMemory):
    """One Vault behind one address, which can be sealed."""

    sealed = False
    initialized = True
    closed = 0

    async def request(self, request: VaultRequest) -> VaultReply:
        failing = request.operation in self.failures
        if request.operation is Operation.SEAL_STATUS and not failing:
            self.calls[request.operation] += 1
            document = {"sealed": self.sealed, "initialized": self.initialized}
            return VaultReply(status=200, document=Secret(document))
        return await super().request(request)

    async def close(self) -> None:
        self.closed += 1

    def put(self, version: int = 1, **data: object) -> None:
        """Store data of kv version 2 at `PATH`."""
        self.stored[PATH] = {"data": data, "metadata": {"version": str(version)}}


class OpenGate:
    """The gate of a leader."""

    def check(self, write: Write) -> None:
        pass


@dataclass
class World:
    """See the module docstring."""

    vault: FakeVault = field(default_factory=FakeVault)
    elsewhere: dict[str, FakeVault] = field(default_factory=dict)  # by address
    kubernetes: FakeKubernetes = field(default_factory=FakeKubernetes)
    tokens: FakeTokens = field(default_factory=FakeTokens)
    clock: LoopClock = field(default_factory=LoopClock)
    clients: list[tuple[str, bytes | None]] = field(default_factory=list)
    woken: list[ObjectKey] = field(default_factory=list)
    client_failure: OperationFailed | None = None
    credential_roots: tuple[Path, ...] = ()
    scopes: tuple[str, ...] = (EVERYWHERE,)  # the namespaces that are watched
    tenancy: Tenancy = field(default_factory=lambda: Tenancy(OPERATOR))
    ca_roots: tuple[Path, ...] = ()
    renderer: Renderer = field(default_factory=FakeRenderer)
    excludes_raw: bool = False  # for all resources
    read_sharing_window: float = 0.0  # seconds
    most_sessions: int = 10_000
    gate: Gate = field(default_factory=OpenGate)
    persistence_model: PersistenceModel = PersistenceModel.NONE

    def __post_init__(self) -> None:
        self.connections: Store[Envelope] = Store()
        self.auths: Store[Envelope] = Store()
        self.auth_globals: Store[Envelope] = Store()
        self.resources: Store[Envelope] = Store()
        self.dynamic: Store[Envelope] = Store()
        self.transformations: Store[Envelope] = Store()
        self.metrics = Metrics(version="test")
        self.known = KnownResources()
        self.versions = SeenVersions(observer=self.metrics)
        self._follow_references()
        self._open_sessions()
        self._reconcile()

    def _follow_references(self) -> None:
        self.references = References(
            auths=self.auths,
            globals_=self.auth_globals,
            connections=self.connections,
            tenancy=self.tenancy,
            scopes=self.scopes,
        )
        self.triggers = Triggers(
            connections=self.connections,
            auths=self.auths,
            globals_=self.auth_globals,
            static_secrets=self.resources,
            dynamic_secrets=self.dynamic,
            transformations=self.transformations,
            secrets=self.kubernetes.watched,
            tenancy=self.tenancy,
        )
        self.wakes = self._wakes()
        self.workers = Workers(number=100)
        self.triggers.connect(
            connection=self.woken.append,
            auth=self.woken.append,
            global_=self.woken.append,
            static_secret=self.woken.append,
            dynamic_secret=self.woken.append,
            transformation=self.woken.append,
        )
        self.kubernetes.versions.handler = self._version_changed

    def _open_sessions(self) -> None:
        self.clients_of = Connections(
            authorities=Authorities(
                secrets=self.kubernetes,
                files=RootedFiles(roots=self.ca_roots, flag="--ca-path-roots"),
            ),
            make_client=self._make_client,
            make_bulkhead=self.make_bulkhead,
            forgotten=self.metrics.vault_gone,
        )
        logins = Logins(
            tokens=self.tokens,
            secrets=self.kubernetes,
            files=RootedFiles(
                roots=self.credential_roots, flag="--credential-path-roots"
            ),
        )
        self._keep_sessions(logins)
        self.login_results = LoginResults(wake=self.triggers.wake_auth)
        self.pool = SessionPool(
            references=self.references,
            connections=self.clients_of,
            logins=logins,
            secrets=CredentialSecrets(versions=self.kubernetes.versions),
            reads=SharedReads(
                answers=Answers(window=self.read_sharing_window, clock=self.clock),
                observer=self.metrics,
                clock=self.clock,
            ),
            make_session=self._make_session,
            keepers=self.persistence,
            records=self.records,
            results=self.login_results,
            clock=self.clock,
            wake=lambda key: self.wakes.session(key, Lane.CHANGED),
            wake_consumer=self.triggers.wake_consumer,
            most=self.most_sessions,
        )
        self.metrics.watch_sessions(self.pool)

    def _keep_sessions(self, logins: Logins) -> None:
        self.records = SessionRecords(
            key=RECORDS,
            reads=self.kubernetes,
            writes=self.kubernetes,
            backoff=self._backoff(),
            clock=self.clock,
        )
        self.persistence = Persistence(
            model=self.persistence_model,
            namespace=OPERATOR,
            entries=Entries(
                reads=self.kubernetes,
                writes=self.kubernetes,
                pages=FakePages(self.kubernetes, LABELS),
            ),
            sign=sign,
            encryptor=StorageEncryptor(
                auths=self.auths,
                references=self.references,
                connections=self.clients_of,
                logins=logins,
                make_session=self._make_session,
                namespace=OPERATOR,
            ),
            auths=self.auths,
            connections=self.connections,
            records=self.records,
            backoff=self._backoff(),
            clock=self.clock,
            observer=self.metrics,
        )

    def _backoff(self) -> Backoff:
        random = Random(1)  # noqa: S311 - spreads rests, keeps no secret
        return Backoff(
            initial=1, maximum=60, reset_after=60, clock=self.clock, random=random
        )

    def _make_session(
        self,
        transport: Transport,
        login: IdentityLogin,
        namespace: str,
        keeper: TokenKeeper = NOTHING_KEPT,
    ) -> VaultSession:
        return VaultSession(
            transport=transport,
            login=login,
            clock=self.clock,
            random=Random(1),  # noqa: S311 - spreads rests, keeps no secret
            observer=self.metrics.logins(login.name),
            namespace=namespace,
            keeper=keeper,
        )

    def _reconcile(self) -> None:
        self.connection = VaultConnectionReconciler(
            resources=self.connections,
            connections=self.clients_of,
            reporter=self._reporter(VAULT_CONNECTION, self.connections),
            clock=self.clock,
            probe_interval=timedelta(seconds=60),
        )
        self.auth = VaultAuthReconciler(
            resources=self.auths,
            references=self.references,
            logins=self.login_results,
            reporter=self._reporter(VAULT_AUTH, self.auths),
            clock=self.clock,
        )
        self.auth_global = VaultAuthGlobalReconciler(
            resources=self.auth_globals,
            references=self.references,
            reporter=self._reporter(VAULT_AUTH_GLOBAL, self.auth_globals),
            clock=self.clock,
        )
        digest = digest_with(Secret(DIGEST_KEY))
        transformations = Transformations(
            resources=self.transformations,
            renderer=self.renderer,
            digest=digest,
            exclude_raw=self.excludes_raw,
            tenancy=self.tenancy,
            scopes=self.scopes,
        )
        self.transformation = SecretTransformationReconciler(
            resources=self.transformations,
            transformations=transformations,
            reporter=self._reporter(SECRET_TRANSFORMATION, self.transformations),
            clock=self.clock,
        )
        self.fillings = Fillings(digest=digest, observer=self.metrics)
        destinations = Destinations(
            watched=self.kubernetes.watched,
            unlabelled=UnlabelledSecrets(
                versions=self.kubernetes.versions, secrets=self.kubernetes
            ),
            secrets=self.kubernetes,
        )
        self.leases = Leases(
            sessions=self.pool, ends=self.records, gate=self.gate, clock=self.clock
        )
        self.issuer = Issuer(
            leases=self.leases,
            destinations=destinations,
            fillings=Fillings(digest=digest, observer=self.metrics),
            clock=self.clock,
        )
        self.dynamic_secret = VaultDynamicSecretReconciler(
            resources=self.dynamic,
            leases=self.leases,
            issuer=self.issuer,
            destinations=destinations,
            transformations=transformations,
            reporter=self._reporter(VAULT_DYNAMIC_SECRET, self.dynamic),
            finalizers=self.kubernetes,
            digest=digest,
            operator_namespace=OPERATOR,
            clock=self.clock,
        )
        self.static_secret = VaultStaticSecretReconciler(
            resources=self.resources,
            sessions=self.pool,
            destinations=destinations,
            transformations=transformations,
            fillings=self.fillings,
            reporter=self._reporter(VAULT_STATIC_SECRET, self.resources),
            known=self.known,
            versions=self.versions,
            operator_namespace=OPERATOR,
            policy=RefreshPolicy(
                floor=timedelta(), freshness_floor=timedelta(minutes=5)
            ),
            clock=self.clock,
        )

    def in_order(self) -> World:
        """Have a connection, an auth and a resource, and data in Vault."""
        self.put(self.connections, CONNECTION, CONNECTION_SPEC)
        self.put(self.auths, AUTH, AUTH_SPEC)
        self.put(self.resources, RESOURCE, RESOURCE_SPEC)
        self.vault.put(password="s3cret")
        return self

    async def hand_over(self) -> None:
        """Have another process lead from now on: it has the stores, no more."""
        self.known.clear()
        await self.issuer.clear()
        self.leases.clear()
        await self.pool.clear()
        self.versions.clear()
        self.fillings.clear()
        self.persistence.clear()
        self.records.clear()
        await self.clients_of.close()
        self.woken.clear()

    def put(
        self,
        store: Store[Envelope],
        key: ObjectKey,
        spec: dict[str, Any],
        *,
        told: bool = True,
        change: Callable[[Envelope], Envelope] = lambda envelope: envelope,
    ) -> Envelope:
        """Have an object with this spec; another spec is another generation.

        `change` makes what else there is to it.
        Without `told` the watch is behind: only the server has it so.
        """
        place = self._place(store, key)
        held = self.kubernetes.resources.get(place)
        raw = json.dumps(spec).encode()
        version = self.kubernetes.next_version()
        envelope = Envelope(key, f"uid-of-{key.name}", version, 1, spec=raw)
        if held is not None:
            generation = held.generation + (held.spec != raw)
            envelope = replace(
                held, spec=raw, generation=generation, resource_version=version
            )
        envelope = self.kubernetes.resources[place] = change(envelope)
        if told:
            self.tell(store, envelope)
        return envelope

    def give_status(
        self, store: Store[Envelope], key: ObjectKey, status: dict[str, Any]
    ) -> None:
        """Have an object with this status, whoever wrote it."""
        place = self._place(store, key)
        told = self.kubernetes.resources[place] = replace(
            self.kubernetes.resources[place],
            status=json.dumps(status).encode(),
            resource_version=self.kubernetes.next_version(),
        )
        self.tell(store, told)

    def tell(self, store: Store[Envelope], envelope: Envelope) -> None:
        """Have the watch tell how an object is."""
        store.apply(WatchEvent(EventType.MODIFIED, envelope.resource_version, envelope))

    def remove(
        self, store: Store[Envelope], key: ObjectKey, *, told: bool = True
    ) -> Envelope:
        """Delete an object; return it as the watch tells of its end."""
        held = self.kubernetes.resources.pop(self._place(store, key))
        gone = replace(held, resource_version=self.kubernetes.next_version())
        if told:
            self.tell_deleted(store, gone)
        return gone

    def tell_deleted(self, store: Store[Envelope], envelope: Envelope) -> None:
        """Have the watch tell of the end of an object."""
        store.apply(WatchEvent(EventType.DELETED, envelope.resource_version, envelope))

    def condition(
        self, store: Store[Envelope], key: ObjectKey, name: str
    ) -> tuple[str, str, str]:
        """Return status, reason and message of a condition."""
        for each in self.status(store, key)["conditions"]:
            if each["type"] == name:
                return each["status"], each["reason"], each["message"]
        raise AssertionError(f"{key} has no condition {name}")

    def conditions(self, store: Store[Envelope], key: ObjectKey) -> dict[str, str]:
        """Return the status of each condition."""
        status = self.status(store, key)
        return {each["type"]: each["status"] for each in status["conditions"]}

    def status(self, store: Store[Envelope], key: ObjectKey) -> dict[str, Any]:
        """Return the status as it is stored."""
        held = store.get(key)
        assert held is not None
        status: dict[str, Any] = json.loads(held.status or b"{}")
        return status

    def _place(self, store: Store[Envelope], key: ObjectKey) -> tuple[str, ObjectKey]:
        kinds = {
            id(self.connections): VAULT_CONNECTION,
            id(self.auths): VAULT_AUTH,
            id(self.auth_globals): VAULT_AUTH_GLOBAL,
            id(self.resources): VAULT_STATIC_SECRET,
            id(self.dynamic): VAULT_DYNAMIC_SECRET,
            id(self.transformations): SECRET_TRANSFORMATION,
        }
        return kinds[id(store)].resource.plural, key

    def _version_changed(
        self, old: ObjectVersion | None, new: ObjectVersion | None
    ) -> None:
        self.triggers.version_changed(old, new)
        self.pool.secret_changed(old, new)

    def _make_client(
        self, key: ObjectKey, spec: VaultConnectionSpec, ca: bytes | None
    ) -> FakeVault:
        if self.client_failure is not None:
            raise self.client_failure
        self.clients.append((spec.address, ca))
        return self.elsewhere.get(spec.address, self.vault)

    def _wakes(self) -> Wakes:
        def wake(key: ObjectKey, _: Lane) -> None:
            self.woken.append(key)

        return Wakes(connection=wake, session=wake, consumer=wake)

    def make_bulkhead(self, key: ObjectKey) -> Bulkhead:
        """Return a bulkhead that wakes as everything here does."""
        bulkhead = Bulkhead(
            about=key,
            timing=BulkheadTiming(most_reads=MOST_READS, probe_rest=PROBE_REST),
            workers=self.workers,
            wakes=self.wakes,
            clock=self.clock,
        )
        self.metrics.bulkhead(key, bulkhead)
        return bulkhead

    def _reporter(self, kind: Kind, store: Store[Envelope]) -> Reporter:
        return Reporter(
            kind=kind,
            resources=store,
            statuses=self.kubernetes,
            events=self.kubernetes,
            metrics=self.metrics,
        )
