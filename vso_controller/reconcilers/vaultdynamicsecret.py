"""VaultDynamicSecret: a Secret with credentials that Vault issues and ends.

The lease in use is looked after first, whatever is wrong with the spec or the Secret:
it is renewed, and only what is about to end is replaced. Credentials go to the status
first and to the Secret then; what they replaced stays on record until it has ended.
"""

from __future__ import annotations

import structlog

from vso_controller.api.kinds import VAULT_DYNAMIC_SECRET
from vso_controller.api.v1beta1.vaultdynamicsecret import (
    VaultDynamicSecretSpec,
)
from vso_controller.domain.features import unsupported_in_dynamic_secret
from vso_controller.domain.issuing import IssueReason, Observed, issue_reason
from vso_controller.domain.reasons import Reason, Refusal, Retry
from vso_controller.domain.renewal import Replace, Wait, is_due
from vso_controller.domain.revocation import (
    Owed,
    at_deletion,
    next_due,
    owed_of,
    to_revoke,
    with_owed,
)
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.digest import Digest, from_mac
from vso_controller.foundation.errors import Invalid, OperationFailed, Parked
from vso_controller.foundation.objects import Envelope, ObjectKey, ObservedSecret
from vso_controller.reconcilers.consumers import consumer_of
from vso_controller.reconcilers.destinations import Destinations
from vso_controller.reconcilers.dynamicissue import Fresh, Issuer, Wanted
from vso_controller.reconcilers.dynamicleases import Leases, Tended
from vso_controller.reconcilers.dynamicrecords import (
    DynamicResource,
    parse_dynamic,
    question_on_record,
)
from vso_controller.reconcilers.dynamicreports import DynamicReports, Synced
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.ports import Cache, Finalizers
from vso_controller.reconcilers.reporting import Reporter
from vso_controller.reconcilers.shapes import check_destination, check_place, shape_of
from vso_controller.reconcilers.transformations import Transformations
from vso_controller.runtime.gate import NotLeading
from vso_controller.runtime.observing import Withheld
from vso_controller.runtime.ports import Outcome

KIND = VAULT_DYNAMIC_SECRET
FINALIZER = KIND.upstream_finalizer
LOOK_AGAIN = 60.0
"""Seconds after which an observer looks again, and within which a lease is looked after
though something else is wrong with the resource."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class VaultDynamicSecretReconciler:
    """Read, decide, act, report: in that order, each in one place."""

    def __init__(
        self,
        *,
        resources: Cache[Envelope],
        leases: Leases,
        issuer: Issuer,
        destinations: Destinations,
        transformations: Transformations,
        reporter: Reporter,
        finalizers: Finalizers,
        digest: Digest,
        operator_namespace: str,
        clock: Clock,
    ) -> None:
        self._resources = resources
        self._leases = leases
        self._issuer = issuer
        self._destinations = destinations
        self._transformations = transformations
        self._reporter = reporter
        self._finalizers = finalizers
        self._digest = digest
        self._reports = DynamicReports(leases=leases, digest=digest, clock=clock)
        self._operator_namespace = operator_namespace
        self._clock = clock

    async def reconcile(self, key: ObjectKey, _woken_at: float) -> Outcome:
        """Look after the credentials of a resource: have them issued, renewed, ended.

        Raises what went wrong, after it was reported, if a new try may help.
        """
        envelope = self._resources.get(key)
        if envelope is None:
            await self._forget(key)
            return Outcome()
        resource = parse_dynamic(envelope)
        try:
            if envelope.deleting:
                return await self._end(resource)
            resource = await self._with_finalizer(resource)
            tended = await self._leases.tend(resource)
        except NotLeading:
            raise
        except Withheld:
            return Outcome(LOOK_AGAIN)
        except OperationFailed as error:
            return await self._handle_failure(resource, error, None)
        return await self._sync(resource, tended)

    async def _sync(self, resource: DynamicResource, tended: Tended) -> Outcome:
        try:
            synced = await self._in_step(resource, tended)
        except NotLeading:
            await self._issuer.give_up(resource.key)
            raise
        except Withheld:
            return Outcome(LOOK_AGAIN)
        except OperationFailed as error:
            return await self._handle_failure(resource, error, tended)
        if synced is None:
            return Outcome()  # who changed it has its key looked at again
        current = self._current(resource)
        await self._reporter.report(
            current.envelope,
            lambda seen: self._reports.succeeded(parse_dynamic(seen), synced, tended),
        )
        until = self._until_next(self._current(resource))
        if synced.parked is not None:
            raise synced.parked.sooner(until)
        return Outcome(until)

    async def _in_step(
        self, resource: DynamicResource, tended: Tended
    ) -> Synced | None:
        """Bring the Secret in step; None: the resource is another one by now."""
        spec = _checked(resource)
        shape = shape_of(KIND, resource.envelope, spec.destination)
        check_destination(shape, operator_namespace=self._operator_namespace)
        prepared = self._transformations.prepare(
            resource.envelope, spec.destination.transformation
        )
        observed = await self._destinations.observe(shape)
        wanted = Wanted(
            spec=spec,
            shape=shape,
            prepared=prepared,
            question=self._digest(question_on_record(spec).parts()),
            reason="",
        )
        reason = self._reason(resource, wanted, observed, tended)
        log.debug("sync_decided", reason=reason or "InStep")
        if not reason:
            return await self._kept(resource, wanted, observed)
        fresh = await self._issued(resource, wanted, reason, observed, tended)
        if fresh is None:
            return None
        await self._write(fresh, observed)
        self._issuer.written(resource.key)
        settled, parked = await self._settle(self._current(resource))
        return Synced(wanted, fresh.filling.digest, reason, True, settled, parked)

    async def _kept(
        self,
        resource: DynamicResource,
        wanted: Wanted,
        observed: ObservedSecret | None,
    ) -> Synced:
        self._issuer.written(resource.key)
        digest = from_mac(resource.status.secret_mac)
        if not digest and observed is not None:
            digest = observed.digest
        changed = await self._destinations.apply(wanted.shape.kept(digest), observed)
        await self._destinations.prune(wanted.shape.owner, keep=wanted.shape.key)
        settled, parked = await self._settle(resource)
        return Synced(wanted, digest, changed=changed, settled=settled, parked=parked)

    def _reason(
        self,
        resource: DynamicResource,
        wanted: Wanted,
        observed: ObservedSecret | None,
        tended: Tended,
    ) -> str:
        """Return why something is to be issued; "": nothing is."""
        status = resource.status
        reason = issue_reason(
            Observed(
                generation=resource.envelope.generation,
                synced_generation=status.last_generation,
                asked=from_mac(status.request_mac),
                question=wanted.question,
                transformed_by=from_mac(status.transformation_mac),
                transformation=wanted.prepared.digest,
                digest=from_mac(status.secret_mac),
                shape=wanted.shape,
                secret=observed,
            )
        )
        if reason is not None:
            return reason
        step = tended.step
        if isinstance(step, Replace) and is_due(step, now=self._clock.now()):
            return step.cause
        return ""

    async def _issued(
        self,
        resource: DynamicResource,
        wanted: Wanted,
        reason: str,
        observed: ObservedSecret | None,
        tended: Tended,
    ) -> Fresh | None:
        """Have credentials issued and put on record; None: that is not wanted now."""
        session = await self._leases.open(resource)
        pending = self._issuer.pending(resource.key)
        if pending is not None and pending.is_recorded and reason not in _OF_SECRET:
            await self._issuer.give_up(resource.key)
        fresh = await self._issuer.issue(resource, wanted, observed, session)
        if fresh.is_recorded:
            return fresh
        before = tended.lease
        is_told = await self._reporter.report(
            resource.envelope,
            lambda seen: self._reports.recorded(
                parse_dynamic(seen), fresh, before, reason
            ),
        )
        if not is_told:
            return None
        await self._leases.take(resource, fresh.lease, session=session, hold=fresh.hold)
        return self._issuer.recorded(resource.key, fresh)

    async def _write(self, fresh: Fresh, observed: ObservedSecret | None) -> None:
        filling, shape = fresh.filling, fresh.wanted.shape
        desired = (
            shape.kept(filling.digest)
            if filling.data is None
            else shape.filled(filling.data, filling.digest)
        )
        await self._destinations.apply(desired, observed)
        await self._destinations.prune(shape.owner, keep=shape.key)

    async def _settle(
        self, resource: DynamicResource
    ) -> tuple[dict[str, Owed | None], Parked | None]:
        """Revoke what is due; return what came of each, and what has to wait."""
        settled: dict[str, Owed | None] = {}
        for owed in to_revoke(resource.owed, now=self._clock.now()):
            try:
                settled[owed.lease_id] = await self._leases.revoke(resource, owed)
            except Parked as parked:
                return settled, parked
        return settled, None

    async def _handle_failure(
        self, resource: DynamicResource, error: OperationFailed, tended: Tended | None
    ) -> Outcome:
        parked = error if isinstance(error, Parked) else None
        if parked is not None and parked.failure is None:
            raise parked  # it waits for its turn: nothing went wrong
        failure = failure_of(error)
        current = self._current(resource)
        await self._reporter.report(
            current.envelope,
            lambda seen: self._reports.failed(parse_dynamic(seen), failure, tended),
        )
        until = self._until_next(current) if tended is not None else None
        if parked is not None:
            raise parked.sooner(until or None)
        is_soon = until is not None and 0 < until < LOOK_AGAIN
        if failure.facts.retry is Retry.BACK_OFF and not is_soon:
            raise error
        return Outcome(until or None)

    async def _with_finalizer(self, resource: DynamicResource) -> DynamicResource:
        """Return the resource as it is once its end cannot pass unnoticed."""
        envelope = resource.envelope
        if FINALIZER in envelope.finalizers:
            return resource
        with self._resources.writing(envelope.key) as write:
            changed = await self._finalizers.write_finalizers(
                KIND.resource, envelope, (*envelope.finalizers, FINALIZER)
            )
            write.landed(changed)
        return parse_dynamic(changed)

    async def _end(self, resource: DynamicResource) -> Outcome:
        """Revoke what is to be revoked of a resource that is deleted, and let it go."""
        await self._issuer.give_up(resource.key)
        if FINALIZER not in resource.envelope.finalizers:
            return Outcome()
        now = self._clock.now()
        owed = self._owed_at_end(resource)
        for each in at_deletion(owed, now=now, revokes=resource.revokes):
            if each.due > now and each.attempts:
                continue
            result = await self._leases.revoke(resource, each)
            owed = tuple(one for one in owed if one.lease_id != each.lease_id)
            owed = owed if result is None else with_owed(owed, result)
        left = at_deletion(owed, now=now, revokes=resource.revokes)
        await self._reporter.report(
            resource.envelope,
            lambda seen: self._reports.ending(parse_dynamic(seen), owed, left),
        )
        if left:
            due = next_due(left)
            return Outcome(max(1.0, (due or now) - self._clock.now()))
        await self._let_go(self._current(resource))
        return Outcome()

    def _owed_at_end(self, resource: DynamicResource) -> tuple[Owed, ...]:
        owed, lease = resource.owed, self._leases.newest(resource)
        is_known = any(each.lease_id == lease.id for each in owed)
        if not lease.id or is_known:
            return owed
        one = owed_of(
            lease,
            now=self._clock.now(),
            at_once=resource.revokes,
            namespace=resource.namespace or "",
        )
        return with_owed(owed, one)

    async def _let_go(self, resource: DynamicResource) -> None:
        self._leases.ended(resource)
        envelope = resource.envelope
        rest = tuple(each for each in envelope.finalizers if each != FINALIZER)
        await self._finalizers.write_finalizers(KIND.resource, envelope, rest)

    async def _forget(self, key: ObjectKey) -> None:
        """Let go of what is kept for a resource that is gone."""
        consumer = consumer_of(KIND, key)
        try:
            await self._issuer.give_up(key)
            await self._leases.forget(key, consumer)
        finally:
            self._issuer.forget(key)
            self._destinations.release(consumer)
            self._reporter.gone(key)

    def _current(self, resource: DynamicResource) -> DynamicResource:
        """Return the resource as our own writes have left it."""
        envelope = self._resources.get(resource.key)
        same = envelope is not None and envelope.uid == resource.envelope.uid
        return parse_dynamic(envelope) if same and envelope else resource

    def _until_next(self, resource: DynamicResource) -> float | None:
        """Return the seconds until something is due; None: nothing ever is."""
        step = self._leases.step_of(resource)
        due = next_due(resource.owed)
        times = [] if isinstance(step, Wait) else [step.at]
        times += [] if due is None else [due]
        return max(0.0, min(times) - self._clock.now()) if times else None


_OF_SECRET = frozenset(IssueReason)
"""Reasons that a write of what was issued already does away with."""


def _checked(resource: DynamicResource) -> VaultDynamicSecretSpec:
    """Return the spec if it can be acted on; raise Refusal with what is wrong."""
    spec = resource.spec
    if isinstance(spec, Invalid):
        raise Refusal(Reason.INVALID_SPEC, str(spec)) from spec
    refusal = unsupported_in_dynamic_secret(spec)
    if refusal is not None:
        raise Refusal.of(refusal)
    check_place(mount=spec.mount, path=spec.path)
    return spec
