"""VaultStaticSecret: keeps a Secret equal to an entry of the key-value engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from vso_controller.api.kinds import VAULT_STATIC_SECRET
from vso_controller.api.model import parse_spec, parse_status
from vso_controller.api.v1beta1.vaultstaticsecret import (
    KVType,
    VaultStaticSecretSpec,
    VaultStaticSecretStatus,
)
from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    is_true,
    merged,
)
from vso_controller.domain.destination import OPAQUE, Desired
from vso_controller.domain.features import unsupported_in_static_secret
from vso_controller.domain.reasons import EventReason, Failure, Reason, Refusal, Retry
from vso_controller.domain.refresh import refresh_period, until_next_slot
from vso_controller.domain.secretdata import build_data
from vso_controller.domain.staticsecret import (
    Standing,
    after_failure,
    after_success,
    until_stale,
)
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.durations import parse_duration
from vso_controller.foundation.errors import Invalid, OperationFailed
from vso_controller.foundation.objects import Envelope, ObjectKey, OwnerReference
from vso_controller.foundation.secret import Secret
from vso_controller.reconcilers.destinations import Destinations
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.ports import Cache, Sessions
from vso_controller.reconcilers.reporting import News, Reporter
from vso_controller.reconcilers.statuses import conditions_of, stored
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.observing import Withheld
from vso_controller.runtime.ports import Outcome
from vso_controller.vault.engines.kv import KvSecret, read_kv_v1, read_kv_v2
from vso_controller.vault.paths import quote_path, split_path
from vso_controller.vault.ports import VaultReader

Digest = Callable[[Mapping[str, bytes]], bytes]


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

    @property
    def owner(self) -> OwnerReference:
        resource = VAULT_STATIC_SECRET.resource
        return OwnerReference(
            resource.api_version, resource.kind, self.key.name, self.envelope.uid
        )


class VaultStaticSecretReconciler:
    """Read, decide, act, report: in that order, each in one place."""

    def __init__(
        self,
        *,
        resources: Cache[Envelope],
        sessions: Sessions,
        destinations: Destinations,
        reporter: Reporter,
        digest: Digest,
        policy: RefreshPolicy,
        clock: Clock,
    ) -> None:
        self._resources = resources
        self._sessions = sessions
        self._destinations = destinations
        self._reporter = reporter
        self._digest = digest
        self._policy = policy
        self._clock = clock

    async def reconcile(self, key: ObjectKey) -> Outcome:
        """Make the destination what Vault says, writing only when it must.

        Raises what went wrong, after it was reported, if a new try may help.
        """
        envelope = self._resources.get(key)
        if envelope is None or envelope.deleting:
            # The destination goes with its owner reference.
            self._sessions.release(key)
            self._destinations.release(key)
            self._reporter.gone(key)
            return Outcome()

        resource = _parse(envelope)
        try:
            question, changed = await self._sync(resource)
        except NotLeading:
            raise
        except Withheld:
            return Outcome(self._until_next_look(resource))
        except OperationFailed as error:
            return await self._failed(resource, error)
        await self._succeeded(resource, changed=changed)
        return Outcome(
            until_next_slot(
                question, period=self._period(resource), now=self._clock.now()
            )
        )

    async def _sync(self, resource: _Resource) -> tuple[str, bool]:
        """Return the question that was put to Vault, and whether it changed a thing."""
        spec = _checked(resource)
        session = await self._sessions.open(resource.key, spec.vault_auth_ref)
        secret = await _read(session, spec)
        desired = self._desired(resource, spec, secret)
        changed = await self._destinations.apply(desired)
        await self._destinations.prune(resource.owner, keep=desired.key)
        where = f"{spec.namespace or ''}|{spec.mount}|{spec.path}|{spec.version or 0}"
        return f"{session.key}|{where}", changed

    def _desired(
        self, resource: _Resource, spec: VaultStaticSecretSpec, secret: KvSecret
    ) -> Desired:
        data = build_data(secret.data.reveal(), whole=secret.whole.reveal())
        if isinstance(data, Failure):
            raise Refusal.of(data)
        destination = spec.destination
        return Desired(
            key=ObjectKey(resource.key.namespace, destination.name),
            owner=resource.owner,
            data=Secret(data),
            digest=self._digest(data),
            create=destination.create,
            overwrite=destination.overwrite,
            type=destination.type or OPAQUE,
            labels=destination.labels,
            annotations=destination.annotations,
        )

    async def _succeeded(self, resource: _Resource, *, changed: bool) -> None:
        before = resource.status
        past = conditions_of(before.conditions)
        after = self._after(resource, after_success()).model_copy(
            update={"last_generation": resource.envelope.generation}
        )
        news = None
        if changed:
            news = News(EventReason.SECRET_SYNCED, "Secret synced")
        elif not is_true(past, ConditionType.HEALTHY):
            news = News(EventReason.SECRET_SYNCED, "Secret is in step with Vault")
        await self._reporter.report(
            resource.envelope, before=before, after=after, outcome=news
        )

    async def _failed(self, resource: _Resource, error: OperationFailed) -> Outcome:
        failure = failure_of(error)
        now = self._clock.now()
        seen = Standing(
            generation=resource.envelope.generation,
            synced_generation=resource.status.last_generation,
            conditions=conditions_of(resource.status.conditions),
            period=self._period(resource),
            freshness_floor=self._policy.freshness_floor,
        )
        await self._reporter.report(
            resource.envelope,
            before=resource.status,
            after=self._after(resource, after_failure(failure, seen, now=now)),
            outcome=failure,
        )
        if failure.facts.retry is Retry.BACK_OFF:
            raise error
        return Outcome(until_stale(failure, seen, now=now))

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
        """Return the seconds until an observer looks again at what it cannot change."""
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
    for field, text in (("mount", spec.mount), ("path", spec.path)):
        try:
            quote_path(split_path(text))
        except ValueError as error:
            raise Refusal(Reason.INVALID_SPEC, f"spec.{field}: {error}") from error
    return spec


async def _read(session: VaultReader, spec: VaultStaticSecretSpec) -> KvSecret:
    if spec.type is KVType.V1:
        return await read_kv_v1(
            session, mount=spec.mount, path=spec.path, namespace=spec.namespace
        )
    return await read_kv_v2(
        session,
        mount=spec.mount,
        path=spec.path,
        version=spec.version or 0,
        namespace=spec.namespace,
    )
