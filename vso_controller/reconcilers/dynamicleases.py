"""The leases in use, in the hands of this process: renewed, replaced, ended.

What is known here is newer than what a status says: a lease goes on being renewed while
the API server is away. What a former process had issued is found in statuses, with the
token that it hangs on if a session still has it; of other tokens the records tell when
they end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from vso_controller.credentials.consumer import ConsumerSession
from vso_controller.credentials.holds import LeaseHold
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.domain.renewal import (
    DEFAULT_PERCENT,
    HeldToken,
    LastStretch,
    Lease,
    Observed,
    Renew,
    Step,
    Wait,
    is_due,
    is_prolonged,
    next_step,
    share_of,
    stretch_of_held,
    stretch_of_lost,
)
from vso_controller.domain.revocation import Owed
from vso_controller.foundation.clock import Clock
from vso_controller.foundation.errors import Denied, Invalid, OperationFailed, Parked
from vso_controller.foundation.intentions import Act
from vso_controller.foundation.objects import ObjectKey
from vso_controller.reconcilers.dynamicrecords import DynamicResource
from vso_controller.reconcilers.ports import Gate
from vso_controller.vault.errors import LeaseNotFound
from vso_controller.vault.leases import read_lease
from vso_controller.vault.requests import VaultReply

CREDENTIALS = "credentials"
"""What gates and observers call that which is issued and revoked."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class LeaseSessions(Protocol):
    """Opens sessions. `credentials.pool.SessionPool` does it."""

    async def open(
        self, consumer: ObjectKey, auth_reference: str | None, *, since: float = ...
    ) -> ConsumerSession: ...
    def release(self, consumer: ObjectKey) -> None: ...
    def holds(self, consumer: ObjectKey) -> tuple[LeaseHold, ...]: ...


class TokenEnds(Protocol):
    """Knows when tokens end. `credentials.sessionrecords.SessionRecords` does."""

    def end_of(self, client_id: str) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Tended:
    """A lease after it was looked after."""

    lease: Lease
    step: Step  # what comes next; what is due of it is a replacement
    token: LastStretch | None = None  # that it ends with, if no renewal prolongs it
    renewed: bool = False
    error: OperationFailed | None = None  # that kept it from being renewed


@dataclass(slots=True)
class _Known:
    uid: str
    lease: Lease
    client_id: str
    session: ConsumerSession
    hold: LeaseHold | None  # None: nobody has the token that the lease hangs on
    namespace: str | None
    revokes: bool
    rests_until: float = 0.0  # after a renewal that failed, in the world's time

    def rested(self, step: Step) -> Step:
        """Return the step, no sooner than a renewal that failed may be tried again."""
        if isinstance(step, Renew) and step.at < self.rests_until:
            return Renew(self.rests_until)
        return step


class Leases:
    """The leases of all VaultDynamicSecrets, while this process leads."""

    def __init__(
        self, *, sessions: LeaseSessions, ends: TokenEnds, gate: Gate, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._ends = ends
        self._gate = gate
        self._clock = clock
        self._known: dict[ObjectKey, _Known] = {}
        self._began: float | None = None  # since when this process leads, in the world

    async def open(self, resource: DynamicResource) -> ConsumerSession:
        """Return the session that the resource asks with. Raises Refusal, Parked."""
        spec = resource.spec
        if isinstance(spec, Invalid):
            raise Refusal(Reason.INVALID_SPEC, str(spec)) from spec
        return await self._sessions.open(resource.consumer, spec.vault_auth_ref)

    def fence(self, verb: str, resource: DynamicResource) -> Callable[[], None]:
        """Return what stops an act of this name unless this process may act."""
        act = Act(verb, CREDENTIALS, resource.key)
        return lambda: self._gate.check(act)

    def newest(self, resource: DynamicResource) -> Lease:
        """Return the lease in use as it was last renewed."""
        known = self._known.get(resource.key)
        stored = resource.lease
        if known is None or (known.uid, known.lease.id) != (
            resource.envelope.uid,
            stored.id,
        ):
            return stored
        return known.lease

    async def tend(self, resource: DynamicResource) -> Tended:
        """Renew the lease in use if that is due, and say what comes next.

        A renewal that failed is in what is returned. Raises Parked, and what kept the
        session from being opened where it takes one.
        """
        known = await self._find(resource)
        if known is not None:
            known.revokes = resource.revokes
        seen = self._observed(resource, known)
        step = self.step_of(resource)
        if known is None or not (
            isinstance(step, Renew) and is_due(step, now=seen.now)
        ):
            return Tended(seen.lease, step, seen.token)
        try:
            return await self._renewed(resource, known, seen)
        except Parked as parked:
            raise parked.sooner(max(1.0, seen.last - seen.now)) from parked
        except LeaseNotFound as error:
            gone = replace(seen, is_gone=True)
            return Tended(seen.lease, next_step(gone), seen.token, error=error)
        except OperationFailed as error:
            step = next_step(replace(seen, has_failed=True, now=self._clock.now()))
            known.rests_until = 0.0 if isinstance(step, Wait) else step.at
            return Tended(seen.lease, step, seen.token, error=error)

    def step_of(self, resource: DynamicResource) -> Step:
        """Return what comes next for the lease in use."""
        known = self._known.get(resource.key)
        step = next_step(self._observed(resource, known))
        return step if known is None else known.rested(step)

    async def take(
        self,
        resource: DynamicResource,
        lease: Lease,
        *,
        session: ConsumerSession,
        hold: LeaseHold,
    ) -> None:
        """Look after `lease` from now on, and after no other of the resource."""
        self._known[resource.key] = _Known(
            uid=resource.envelope.uid,
            lease=lease,
            client_id=hold.client_id,
            session=session,
            hold=hold,
            namespace=resource.namespace,
            revokes=resource.revokes,
        )
        await self._release(resource.consumer, but=hold)

    async def revoke(self, resource: DynamicResource, owed: Owed) -> Owed | None:
        """Revoke a lease; return it as it is owed then, None if it has ended.

        Raises Parked, and what keeps a change from leaving.
        """
        try:
            await self._ask_for_the_end(resource, owed)
        except Parked:
            raise
        except LeaseNotFound:
            return None
        except OperationFailed as error:
            is_final = isinstance(error, Denied | Invalid)
            return owed.failed(str(error), now=self._clock.now(), is_final=is_final)
        return None

    async def _ask_for_the_end(self, resource: DynamicResource, owed: Owed) -> None:
        fence = self.fence("revoke", resource)
        known = self._known.get(resource.key)
        if (
            known is not None
            and known.hold is not None
            and known.lease.id == (owed.lease_id)
        ):
            await known.hold.revoke_lease(owed.lease_id, fence=fence)
            return
        session = await self.open(resource)
        await session.revoke_lease(
            owed.lease_id, namespace=owed.namespace or None, fence=fence
        )

    async def forget(self, key: ObjectKey, consumer: ObjectKey) -> None:
        """Let go of a resource that is gone, and end its lease if it was to be ended.

        That is for one whose finalizer was taken away: its end was not prepared. What
        keeps the lease from being ended is logged: nobody is left to be told.
        """
        known = self._known.pop(key, None)
        try:
            if known is not None and known.hold is not None and known.revokes:
                act = Act("revoke", CREDENTIALS, key)
                await known.hold.revoke_lease(
                    known.lease.id, fence=lambda: self._gate.check(act)
                )
        except OperationFailed as error:
            log.warning("lease_left_behind", error=str(error))
        finally:
            await self._release(consumer)
            self._sessions.release(consumer)

    def ended(self, resource: DynamicResource) -> None:
        """Take note that nothing of the resource is to be ended any more."""
        self._known.pop(resource.key, None)

    def clear(self) -> None:
        """Forget all: somebody else may lead from now on."""
        self._known.clear()
        self._began = None

    async def _find(self, resource: DynamicResource) -> _Known | None:
        """Return what is known of the lease in use, taking over one of a status."""
        known, lease = self._known.get(resource.key), resource.lease
        if known is not None and known.uid != resource.envelope.uid:
            await self.forget(resource.key, resource.consumer)
            known = None
        if not lease.id:
            return None
        if known is not None and known.lease.id == lease.id:
            return known
        session = await self.open(resource)
        found = self._known[resource.key] = _Known(
            uid=resource.envelope.uid,
            lease=lease,
            client_id=resource.client_id,
            session=session,
            hold=await session.hold(resource.client_id, namespace=resource.namespace),
            namespace=resource.namespace,
            revokes=resource.revokes,
        )
        return found

    def _observed(self, resource: DynamicResource, known: _Known | None) -> Observed:
        lease = self.newest(resource)
        return Observed(
            now=self._clock.now(),
            lease=lease,
            token=None if known is None else self._stretch(known),
            percent=_percent(resource),
            refresh_after=resource.refresh_after,
            share=share_of(resource.envelope.uid, lease.id),
        )

    def _stretch(self, known: _Known) -> LastStretch | None:
        now = self._clock.now()
        if self._began is None:
            self._began = now
        if known.hold is None:
            return stretch_of_lost(
                since=self._began,
                end=self._ends.end_of(known.client_id),
                ttl=known.session.granted or 0.0,
            )
        return stretch_of_held(
            HeldToken(
                end=now + known.hold.ends - self._clock.boot(),
                ttl=known.hold.ttl,
                is_final=known.hold.is_final,
            )
        )

    async def _renewed(
        self, resource: DynamicResource, known: _Known, seen: Observed
    ) -> Tended:
        asked = int(seen.lease.duration)
        granted = read_lease(await self._ask_for_more(resource, known, asked))
        prolonged = is_prolonged(granted.duration, asked=asked)
        known.lease = replace(
            seen.lease,
            since=seen.now,  # from before it was asked for
            duration=float(granted.duration),
            renewable=granted.renewable and prolonged,
        )
        token = self._stretch(known)
        now = self._clock.now()
        step = next_step(replace(seen, lease=known.lease, token=token, now=now))
        return Tended(known.lease, step, token, renewed=True)

    async def _ask_for_more(
        self, resource: DynamicResource, known: _Known, seconds: int
    ) -> VaultReply:
        lease = known.lease.id
        if known.hold is not None:
            return await known.hold.renew_lease(lease, increment=seconds)
        known.session = await self.open(resource)
        return await known.session.renew_lease(
            lease, increment=seconds, namespace=known.namespace
        )

    async def _release(
        self, consumer: ObjectKey, *, but: LeaseHold | None = None
    ) -> None:
        for hold in self._sessions.holds(consumer):
            if hold is not but:
                await hold.release()


def _percent(resource: DynamicResource) -> int:
    spec = resource.spec
    return DEFAULT_PERCENT if isinstance(spec, Invalid) else spec.renewal_percent
