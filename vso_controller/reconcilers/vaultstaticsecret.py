"""VaultStaticSecret: keeps a Secret equal to an entry of the key-value engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from vso_controller.api.kinds import VAULT_STATIC_SECRET
from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.shared import VaultClientMeta
from vso_controller.api.v1beta1.vaultstaticsecret import (
    VaultStaticSecretSpec,
    VaultStaticSecretStatus,
)
from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    is_true,
    merged,
)
from vso_controller.domain.destination import Shape, lasting_data
from vso_controller.domain.features import unsupported_in_static_secret
from vso_controller.domain.inputs import Recorded
from vso_controller.domain.reasons import EventReason, Failure, Reason, Refusal, Retry
from vso_controller.domain.refresh import refresh_period, until_next_slot
from vso_controller.domain.sourceversion import Setback
from vso_controller.domain.staticsecret import (
    Standing,
    after_failure,
    after_success,
    until_stale,
)
from vso_controller.domain.syncreason import Observed, SyncReason, sync_reason
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.durations import parse_duration
from vso_controller.foundation.errors import Invalid, OperationFailed, Parked
from vso_controller.foundation.events import EventKind
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.destinations import Destinations
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.filling import Entry, Filling, Fillings
from vso_controller.reconcilers.known import KnownResources
from vso_controller.reconcilers.ports import Cache, Sessions
from vso_controller.reconcilers.recording import as_macs, recorded_in
from vso_controller.reconcilers.reporting import News, Report, Reporter
from vso_controller.reconcilers.shapes import (
    check_destination,
    check_place,
    shape_of,
)
from vso_controller.reconcilers.staticentries import place_of, read_static
from vso_controller.reconcilers.statuses import conditions_of, stored
from vso_controller.reconcilers.transformations import Prepared, Transformations
from vso_controller.reconcilers.versions import SeenVersions
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.observing import Withheld
from vso_controller.runtime.ports import Outcome

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """What the settings say of refreshing."""

    floor: timedelta
    """No resource is read more often."""
    freshness_floor: timedelta
    """So long at least, Ready outlives the first failed read."""


@dataclass(frozen=True, slots=True)
class _Resource:
    """One VaultStaticSecret, parsed as far as it can be."""

    envelope: Envelope
    status: VaultStaticSecretStatus
    spec: VaultStaticSecretSpec | Invalid

    @property
    def key(self) -> ObjectKey:
        return self.envelope.key


@dataclass(frozen=True, slots=True)
class _Synced:
    """How a resource was found, or brought, in step."""

    question: str  # that is put to Vault about it
    made: Recorded | None = None  # None: it was adopted, nobody asked Vault
    changed: bool = False  # whether the Secret had to be written
    client: VaultClientMeta | None = None  # who asked Vault, if that is known
    version: int = 0  # of the entry; 0: it has none, or nobody asked
    setback: Setback | None = None  # None: the version did not go back


class VaultStaticSecretReconciler:
    """Read, decide, act, report: in that order, each in one place."""

    def __init__(
        self,
        *,
        resources: Cache[Envelope],
        sessions: Sessions,
        destinations: Destinations,
        transformations: Transformations,
        fillings: Fillings,
        reporter: Reporter,
        known: KnownResources,
        versions: SeenVersions,
        operator_namespace: str,
        policy: RefreshPolicy,
        clock: Clock,
    ) -> None:
        self._resources = resources
        self._sessions = sessions
        self._destinations = destinations
        self._transformations = transformations
        self._fillings = fillings
        self._reporter = reporter
        self._known = known
        self._versions = versions
        self._operator_namespace = operator_namespace
        self._policy = policy
        self._clock = clock

    async def reconcile(self, key: ObjectKey, woken_at: float) -> Outcome:
        """Make the destination what Vault says, writing only when it must.

        It may be what Vault said to another of its identity, since `woken_at`.

        Raises what went wrong, after it was reported, if a new try may help.
        """
        envelope = self._resources.get(key)
        if envelope is None or envelope.deleting:
            # The destination goes with its owner reference.
            self._sessions.release(key)
            self._destinations.release(key)
            self._known.forget(key)
            self._versions.forget(key)
            self._fillings.forget(key)
            self._reporter.gone(key)
            return Outcome()

        resource = _parse(envelope)
        try:
            synced = await self._sync(resource, woken_at)
        except NotLeading:
            raise
        except Withheld:
            return Outcome(self._until_next_look(resource))
        except OperationFailed as error:
            return await self._handle_failure(resource, error)
        self._known.add(envelope)
        told = await self._reporter.report(
            envelope, lambda seen: self._succeeded(_parse(seen), synced)
        )
        if told and synced.version:
            # Only now: what could not be told is told by the next try.
            self._versions.note(
                envelope, question=synced.question, version=synced.version
            )
        return Outcome(
            until_next_slot(
                synced.question, period=self._period(resource), now=self._clock.now()
            )
        )

    async def _sync(self, resource: _Resource, woken_at: float) -> _Synced:
        spec = _checked(resource)
        shape = shape_of(VAULT_STATIC_SECRET, resource.envelope, spec.destination)
        check_destination(shape, operator_namespace=self._operator_namespace)
        prepared = self._transformations.prepare(
            resource.envelope, spec.destination.transformation
        )
        # To open a session is not to log in: the slot is known without that.
        session = await self._sessions.open(
            resource.key, spec.vault_auth_ref, since=woken_at
        )
        question = f"{session.key}|{place_of(spec)}"

        reason = self._reason(resource, shape, prepared)
        log.debug("sync_decided", reason=reason or "InStep")
        if reason is None:
            return _Synced(question)

        read = await read_static(session, spec)
        filling, changed = await self._write(resource, shape, prepared, read.entry)
        await self._destinations.prune(shape.owner, keep=shape.key)
        return _Synced(
            question,
            Recorded(filling.digest, prepared.digest, filling.input),
            changed,
            session.meta(spec.namespace),
            read.version,
            self._versions.setback(
                resource.envelope, question=question, version=read.version
            ),
        )

    async def _write(
        self, resource: _Resource, shape: Shape, prepared: Prepared, entry: Entry
    ) -> tuple[Filling, bool]:
        """Bring the Secret in step; return its data, and whether that took a write."""
        observed = await self._destinations.observe(shape)
        filling = await self._fillings.fill(
            resource.envelope,
            prepared,
            entry,
            recorded=_recorded(resource),
            there=lasting_data(shape, observed),
        )
        desired = (
            shape.kept(filling.digest)
            if filling.data is None
            else shape.filled(filling.data, filling.digest)
        )
        return filling, await self._destinations.apply(desired, observed)

    def _reason(
        self, resource: _Resource, shape: Shape, prepared: Prepared
    ) -> SyncReason | None:
        status = resource.status
        recorded = _recorded(resource)
        return sync_reason(
            Observed(
                is_known=resource.envelope in self._known,
                generation=resource.envelope.generation,
                synced_generation=status.last_generation,
                conditions=conditions_of(status.conditions),
                digest=recorded.data,
                transformed_by=recorded.transformation,
                transformation=prepared.digest,
                shape=shape,
                secret=self._destinations.watched(shape.key),
            )
        )

    def _succeeded(self, resource: _Resource, synced: _Synced) -> Report:
        before = resource.status
        if synced.made is None:
            return Report(before, before)
        after = self._after(resource, after_success()).model_copy(
            update={
                "last_generation": resource.envelope.generation,
                **as_macs(synced.made if _keeps_macs(resource) else Recorded()),
            }
        )
        if after != before and synced.client is not None:
            # Another token alone is no reason to write a status.
            after = after.model_copy(update={"vault_client_meta": synced.client})
        return Report(before, after, _news(synced, before))

    async def _handle_failure(
        self, resource: _Resource, error: OperationFailed
    ) -> Outcome:
        parked = error if isinstance(error, Parked) else None
        if parked is not None and parked.failure is None:
            raise parked  # it waits for its turn: nothing went wrong
        failure = failure_of(error)
        now = self._clock.now()
        await self._reporter.report(
            resource.envelope,
            lambda seen: self._failed(_parse(seen), failure, now=now),
        )
        stale = until_stale(failure, self._standing(resource), now=now)
        if parked is not None:
            raise parked.sooner(stale) from parked
        match failure.facts.retry:
            case Retry.BACK_OFF:
                raise error
            case Retry.REFRESH:
                return Outcome(self._until_next_look(resource))
            case _:
                return Outcome(stale)

    def _failed(self, resource: _Resource, failure: Failure, *, now: float) -> Report:
        updates = after_failure(failure, self._standing(resource), now=now)
        return Report(resource.status, self._after(resource, updates), failure)

    def _standing(self, resource: _Resource) -> Standing:
        return Standing(
            generation=resource.envelope.generation,
            synced_generation=resource.status.last_generation,
            conditions=conditions_of(resource.status.conditions),
            period=self._period(resource),
            freshness_floor=self._policy.freshness_floor,
        )

    def _after(
        self, resource: _Resource, updates: tuple[Condition, ...]
    ) -> VaultStaticSecretStatus:
        conditions = merged(
            conditions_of(resource.status.conditions),
            updates,
            generation=resource.envelope.generation,
            now=self._clock.now(),
        )
        return resource.status.model_copy(update={"conditions": stored(conditions)})

    def _until_next_look(self, resource: _Resource) -> float:
        """Return the seconds until it is looked at again though nothing is to be done.

        An observer cannot, and a template that fails needs another entry.
        """
        return until_next_slot(
            str(resource.key), period=self._period(resource), now=self._clock.now()
        )

    def _period(self, resource: _Resource) -> timedelta:
        spec = resource.spec
        asked = None if isinstance(spec, Invalid) else spec.refresh_after
        return refresh_period(
            parse_duration(asked) if asked else None, floor=self._policy.floor
        )


def _parse(envelope: Envelope) -> _Resource:
    status = parse_status(VaultStaticSecretStatus, envelope.status)
    try:
        return _Resource(
            envelope, status, parse_spec(VaultStaticSecretSpec, envelope.spec)
        )
    except Invalid as error:
        return _Resource(envelope, status, error)


def _checked(resource: _Resource) -> VaultStaticSecretSpec:
    """Return the spec if it can be acted on; raise Refusal with what is wrong."""
    spec = resource.spec
    if isinstance(spec, Invalid):
        raise Refusal(Reason.INVALID_SPEC, str(spec)) from spec
    refusal = unsupported_in_static_secret(spec)
    if refusal is not None:
        raise Refusal.of(refusal)
    check_place(mount=spec.mount, path=spec.path)
    return spec


def _news(synced: _Synced, before: VaultStaticSecretStatus) -> News | None:
    if synced.setback is not None:
        return News(
            EventReason.SECRET_VERSION_WENT_BACK,
            f"Secret synced. {synced.setback}",
            EventKind.WARNING,
        )
    if synced.changed:
        return News(EventReason.SECRET_SYNCED, "Secret synced")
    if not is_true(conditions_of(before.conditions), ConditionType.HEALTHY):
        return News(EventReason.SECRET_SYNCED, "Secret is in step with Vault")
    return None


def _recorded(resource: _Resource) -> Recorded:
    """Return what the status says of the last sync; nothing if it keeps no digests."""
    if not _keeps_macs(resource):
        return Recorded()
    return recorded_in(resource.status, generation=resource.envelope.generation)


def _keeps_macs(resource: _Resource) -> bool:
    spec = resource.spec
    return not isinstance(spec, Invalid) and spec.hmac_secret_data
