"""What the status of a VaultDynamicSecret and its Events say of what was done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vso_controller.api.v1beta1.vaultdynamicsecret import VaultDynamicSecretStatus
from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    condition,
    is_true,
    merged,
)
from vso_controller.domain.dynamicsecret import (
    Standing,
    after_failed_renewal,
    after_failure,
    after_renewal,
    after_success,
)
from vso_controller.domain.issuing import IssueReason
from vso_controller.domain.reasons import EventReason, Failure, Reason
from vso_controller.domain.renewal import Lease
from vso_controller.domain.revocation import Owed, alive, owed_of, with_owed
from vso_controller.foundation.clock import Clock, rfc3339
from vso_controller.foundation.digest import Digest, from_mac, to_mac
from vso_controller.foundation.errors import Invalid, Parked
from vso_controller.foundation.events import EventKind
from vso_controller.reconcilers.dynamicissue import Fresh, Wanted
from vso_controller.reconcilers.dynamicleases import Leases, Tended
from vso_controller.reconcilers.dynamicrecords import (
    DynamicResource,
    lease_fields,
    owed_fields,
    question_on_record,
)
from vso_controller.reconcilers.failures import failure_of
from vso_controller.reconcilers.reporting import News, Report
from vso_controller.reconcilers.statuses import conditions_of, stored


@dataclass(frozen=True, slots=True)
class Synced:
    """How a resource was brought, or found, in step."""

    wanted: Wanted
    digest: bytes  # of the data in the Secret
    reason: str = ""  # why something was issued; "": nothing was
    changed: bool = False  # whether the Secret had to be written
    settled: Mapping[str, Owed | None] = field(default_factory=dict)
    parked: Parked | None = None  # what is owed and has to wait for its turn


class DynamicReports:
    """Makes the reports of VaultDynamicSecrets."""

    def __init__(self, *, leases: Leases, digest: Digest, clock: Clock) -> None:
        self._leases = leases
        self._digest = digest
        self._clock = clock

    def recorded(
        self, resource: DynamicResource, fresh: Fresh, before: Lease, reason: str
    ) -> Report:
        """Put on record what was issued, and what is owed of what it replaces."""
        now = self._clock.now()
        owed = alive(resource.owed, now=now)
        if before.id and before.id != fresh.lease.id:
            owed = with_owed(owed, self._superseded(resource, before, reason))
        after = resource.status.model_copy(
            update={
                **lease_fields(fresh.lease, request_id=fresh.request_id),
                **owed_fields(alive(owed, now=now)),
                "last_generation": resource.envelope.generation,
                "secret_mac": to_mac(fresh.filling.digest),
                "request_mac": to_mac(fresh.wanted.question),
                "transformation_mac": _mac(fresh.wanted.prepared.digest),
                "vault_client_meta": fresh.client,
                "session_expiry": None,
            }
        )
        return Report(resource.status, after)

    def _superseded(self, resource: DynamicResource, lease: Lease, reason: str) -> Owed:
        """Return what is owed of a lease that is replaced.

        Workloads may need it yet, so it is left to run out. What never came to be
        used, or lay in a Secret that somebody else has written to, is revoked.
        """
        conditions = conditions_of(resource.status.conditions)
        was_never_written = not is_true(conditions, ConditionType.SECRET_SYNCED)
        is_unused = was_never_written or reason == IssueReason.DATA_DRIFTED
        return owed_of(
            lease,
            now=self._clock.now(),
            at_once=is_unused and resource.revokes,
            namespace=resource.namespace or "",
        )

    def succeeded(
        self, resource: DynamicResource, synced: Synced, tended: Tended
    ) -> Report:
        lease = self._leases.newest(resource)
        updates = list(after_success())
        failure = None
        if tended.error is not None and not synced.reason:
            failure = failure_of(tended.error)
            updates = list(self._failed_conditions(resource, failure))
            updates.append(after_failed_renewal(failure.message))
        elif lease.id:
            updates.append(
                after_renewal(
                    ends=rfc3339(lease.since + lease.duration),
                    token_ends=_end_of_token(synced, tended),
                )
            )
        fields = self._fields(resource, synced, tended, lease)
        after = self._with_conditions(resource, updates).model_copy(update=fields)
        return Report(resource.status, after, failure or _news(synced, lease))

    def _fields(
        self,
        resource: DynamicResource,
        synced: Synced,
        tended: Tended,
        lease: Lease,
    ) -> dict[str, object]:
        now = self._clock.now()
        owed = tuple(
            settled
            for each in resource.owed
            if (settled := synced.settled.get(each.lease_id, each)) is not None
        )
        fields = {
            **lease_fields(lease, request_id=resource.status.secret_lease.request_id),
            **owed_fields(alive(owed, now=now)),
            "last_generation": resource.envelope.generation,
            "secret_mac": _mac(synced.digest),
            "request_mac": to_mac(synced.wanted.question),
            "transformation_mac": _mac(synced.wanted.prepared.digest),
            "session_expiry": _end_of_token(synced, tended),
        }
        if synced.changed:
            fields["last_sync_time"] = rfc3339(now)
        return fields

    def failed(
        self, resource: DynamicResource, failure: Failure, tended: Tended | None
    ) -> Report:
        updates = list(self._failed_conditions(resource, failure))
        if tended is not None and tended.error is not None:
            updates.append(after_failed_renewal(str(tended.error)))
        lease = self._leases.newest(resource)
        request_id = resource.status.secret_lease.request_id
        after = self._with_conditions(resource, updates).model_copy(
            update=lease_fields(lease, request_id=request_id)
        )
        return Report(resource.status, after, failure)

    def ending(
        self, resource: DynamicResource, owed: tuple[Owed, ...], left: tuple[Owed, ...]
    ) -> Report:
        """Say what there is to say of a resource that is deleted.

        `owed` is what has not ended, `left` what of it is tried again.
        """
        if not left:
            return Report(resource.status, resource.status, _news_of_end(owed))
        waiting = condition(ConditionType.HEALTHY, False, Reason.UNHEALTHY, _told(left))
        after = self._with_conditions(resource, [waiting])
        return Report(resource.status, after.model_copy(update=owed_fields(owed)))

    def _failed_conditions(
        self, resource: DynamicResource, failure: Failure
    ) -> tuple[Condition, ...]:
        lease = self._leases.newest(resource)
        standing = Standing(
            is_asked=self._is_asked(resource),
            conditions=conditions_of(resource.status.conditions),
            good_until=lease.since + lease.duration if lease.id else math.inf,
        )
        return after_failure(failure, standing, now=self._clock.now())

    def _is_asked(self, resource: DynamicResource) -> bool:
        """Tell whether the credentials on record are what the spec asks for."""
        spec, status = resource.spec, resource.status
        if isinstance(spec, Invalid) or not status.last_generation:
            return False
        asked = from_mac(status.request_mac)
        return not asked or asked == self._digest(question_on_record(spec).parts())

    def _with_conditions(
        self, resource: DynamicResource, updates: list[Condition]
    ) -> VaultDynamicSecretStatus:
        conditions = merged(
            conditions_of(resource.status.conditions),
            updates,
            generation=resource.envelope.generation,
            now=self._clock.now(),
        )
        return resource.status.model_copy(update={"conditions": stored(conditions)})


def _news(synced: Synced, lease: Lease) -> News | None:
    if not synced.reason:
        return None
    is_first = synced.reason == IssueReason.INITIAL
    reason = EventReason.SECRET_SYNCED if is_first else EventReason.SECRET_ROTATED
    named = f", lease {lease.id} of {lease.duration:.0f} s" if lease.id else ""
    return News(reason, f"Secret synced{named}, because of {synced.reason}")


def _end_of_token(synced: Synced, tended: Tended) -> str | None:
    """Return when the token ends that the lease hangs on, if that is known.

    What was just issued hangs on another one than what was tended.
    """
    if tended.token is None or synced.reason:
        return None
    return rfc3339(tended.token.end)


def _news_of_end(owed: tuple[Owed, ...]) -> News:
    reason = EventReason.SECRET_LEASE_REVOKE
    failed = [each for each in owed if each.error]
    if failed:
        return News(reason, _told(failed), EventKind.WARNING)
    return News(reason, "Nothing is left to revoke")


def _told(owed: Iterable[Owed]) -> str:
    """Return what was not revoked, and why."""
    told = "; ".join(
        f"lease {each.lease_id} runs until {rfc3339(each.end)}: {each.error}"
        for each in owed
    )
    return f"Not revoked: {told}"


def _mac(digest: bytes) -> str | None:
    return to_mac(digest) if digest else None
