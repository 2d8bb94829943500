"""Credentials from the question to the Secret, so that none is lost or issued in vain.

Nothing is issued before the Secret is known to be writable. What was issued is put on
record before it is written, and kept here until it is written: a write that fails is
tried again without asking Vault. What is of no use after all is revoked at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from vso_controller.api.v1beta1.shared import VaultClientMeta
from vso_controller.api.v1beta1.vaultdynamicsecret import VaultDynamicSecretSpec
from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.credentials.holds import IssuedTo, LeaseHold
from vso_controller.domain.destination import Shape
from vso_controller.domain.inputs import Recorded
from vso_controller.domain.reasons import Failure, Refusal
from vso_controller.domain.renewal import Lease
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import OperationFailed
from vso_controller.foundation.objects import ObjectKey, ObservedSecret
from vso_controller.reconcilers.destinations import Destinations
from vso_controller.reconcilers.dynamicleases import Leases
from vso_controller.reconcilers.dynamicrecords import DynamicResource, question_of
from vso_controller.reconcilers.filling import Entry, Filling, Fillings
from vso_controller.reconcilers.transformations import Prepared
from vso_controller.vault.engines.dynamic import read_issued

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a resource wants, and why it is to have it anew."""

    spec: VaultDynamicSecretSpec
    shape: Shape
    prepared: Prepared
    question: bytes  # digest of what is asked of Vault
    reason: str

    def is_for(self, other: Wanted) -> bool:
        """Whether what was issued for this one will do for the other as well."""
        return (self.question, self.prepared.digest, self.shape.owner) == (
            other.question,
            other.prepared.digest,
            other.shape.owner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Credentials that were issued and are not in the Secret yet."""

    wanted: Wanted
    lease: Lease
    request_id: str
    filling: Filling
    client: VaultClientMeta | None
    session: ConsumerSession
    hold: LeaseHold
    is_recorded: bool = False  # the status has them


@dataclass(frozen=True, slots=True)
class _Useless:
    wanted: Wanted
    failure: Failure  # what made credentials of no use


class Issuer:
    """Has credentials issued, and keeps them until they are written."""

    def __init__(
        self,
        *,
        leases: Leases,
        destinations: Destinations,
        fillings: Fillings,
        clock: Clock,
    ) -> None:
        self._leases = leases
        self._destinations = destinations
        self._fillings = fillings
        self._clock = clock
        self._fresh: dict[ObjectKey, Fresh] = {}
        self._useless: dict[ObjectKey, _Useless] = {}

    def pending(self, key: ObjectKey) -> Fresh | None:
        """Return what was issued and is yet to be written."""
        return self._fresh.get(key)

    async def issue(
        self,
        resource: DynamicResource,
        wanted: Wanted,
        observed: ObservedSecret | None,
        session: ConsumerSession,
    ) -> Fresh:
        """Return credentials for the Secret that was observed, new ones if need be.

        Raises Refusal where they would be of no use, and what Vault and Kubernetes
        raise.
        """
        kept = self._fresh.get(resource.key)
        if kept is not None and kept.wanted.is_for(wanted):
            return kept
        if kept is not None:
            await self.give_up(resource.key)
        self._check_use(resource.key, wanted)
        await self._destinations.check_writable(wanted.shape, observed)
        return await self._ask(resource, wanted, session)

    def recorded(self, key: ObjectKey, fresh: Fresh) -> Fresh:
        """Take note that the status has them."""
        self._fresh[key] = replace(fresh, is_recorded=True)
        return self._fresh[key]

    def written(self, key: ObjectKey) -> None:
        """Take note that the Secret has them."""
        self._fresh.pop(key, None)

    async def give_up(self, key: ObjectKey) -> None:
        """End what was issued and is of no use. What is on record is left to that."""
        fresh = self._fresh.pop(key, None)
        if fresh is not None and not fresh.is_recorded:
            await self._end(fresh.lease, fresh.session, fresh.hold, fresh.wanted)

    def forget(self, key: ObjectKey) -> None:
        """Forget a resource that is gone."""
        self._fresh.pop(key, None)
        self._useless.pop(key, None)
        self._fillings.forget(key)

    async def clear(self) -> None:
        """End what nobody has on record, and forget all: somebody else may lead."""
        for key in tuple(self._fresh):
            await self.give_up(key)
        self._useless.clear()
        self._fillings.clear()

    def _check_use(self, key: ObjectKey, wanted: Wanted) -> None:
        """Raise again what made the last ones useless, as long as nothing changed."""
        useless = self._useless.get(key)
        if useless is not None and useless.wanted.is_for(wanted):
            raise Refusal.of(useless.failure)
        self._useless.pop(key, None)

    async def _ask(
        self, resource: DynamicResource, wanted: Wanted, session: ConsumerSession
    ) -> Fresh:
        asked = question_of(wanted.spec)
        since = self._clock.now()
        issued = await session.issue(
            asked.path,
            method=asked.method,
            body=asked.body,
            namespace=resource.namespace,
            fence=self._leases.fence("issue", resource),
        )
        fresh = await self._made(resource, wanted, session, issued, since)
        self._fresh[resource.key] = fresh
        return fresh

    async def _made(
        self,
        resource: DynamicResource,
        wanted: Wanted,
        session: ConsumerSession,
        issued: IssuedTo,
        since: float,
    ) -> Fresh:
        try:
            found = read_issued(issued.reply)
        except OperationFailed:
            await issued.hold.release()
            raise
        lease = Lease(
            id=found.lease.id,
            since=since,
            duration=float(found.lease.duration),
            renewable=found.lease.renewable,
        )
        try:
            filling = await self._fillings.fill(
                resource.envelope,
                wanted.prepared,
                Entry.of_answer(found.data),
                recorded=Recorded(),
                there=b"",
            )
        except Refusal as refusal:
            self._useless[resource.key] = _Useless(wanted, refusal.failure)
            await self._end(lease, session, issued.hold, wanted)
            raise
        return Fresh(
            wanted=wanted,
            lease=lease,
            request_id=found.lease.request_id,
            filling=filling,
            client=session.meta(resource.namespace),
            session=session,
            hold=issued.hold,
        )

    async def _end(
        self, lease: Lease, session: ConsumerSession, hold: LeaseHold, wanted: Wanted
    ) -> None:
        """Revoke a lease that nobody has on record; not fenced, as nobody else can."""
        try:
            if lease.id:
                namespace = wanted.spec.namespace or None
                await session.revoke_lease(lease.id, namespace=namespace)
        except OperationFailed as error:
            log.warning("lease_left_behind", error=str(error), ends_in=lease.duration)
        finally:
            await hold.release()
