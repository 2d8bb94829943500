"""What the status of a VaultStaticSecret says after success and after failure.

`Ready` is true while the destination holds what Vault last said for this spec
and that is fresh enough. A read that fails leaves it true for a while; a spec
that was never synced, or a destination that is not right, ends it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    condition,
    find,
    is_true,
)
from vso_controller.domain.reasons import Failure, Reason, Scope

KIND = "VaultStaticSecret"
GRACE_PERIODS = 3
"""How many refreshes may fail before what is there counts as stale."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was known of a resource before a sync was tried."""

    generation: int
    synced_generation: int  # 0: never synced
    conditions: Sequence[Condition]
    period: timedelta
    freshness_floor: timedelta


def after_success() -> tuple[Condition, ...]:
    """Return the conditions of a destination that holds what Vault says."""
    return (
        condition(
            ConditionType.SECRET_SYNCED, True, Reason.SYNCED, "Secret synced from Vault"
        ),
        condition(ConditionType.HEALTHY, True, Reason.HEALTHY, f"{KIND}Healthy"),
        condition(ConditionType.READY, True, Reason.READY, f"{KIND}Ready"),
    )


def after_failure(
    failure: Failure, seen: Standing, *, now: float
) -> tuple[Condition, ...]:
    """Return the conditions of a resource whose sync failed just now."""
    unhealthy = condition(
        ConditionType.HEALTHY, False, Reason.UNHEALTHY, failure.message
    )
    if _still_holds(failure, seen):
        if now < _stale_at(seen, now):
            return (unhealthy,)
        return (unhealthy, _not_ready(failure))
    not_synced = condition(
        ConditionType.SECRET_SYNCED, False, failure.reason, failure.message
    )
    return (not_synced, unhealthy, _not_ready(failure))


def until_stale(failure: Failure, seen: Standing, *, now: float) -> float | None:
    """Return the seconds until the failure ends readiness; None if it has, or won't."""
    if not _still_holds(failure, seen):
        return None
    left = _stale_at(seen, now) - now
    return left if left > 0 else None


def _still_holds(failure: Failure, seen: Standing) -> bool:
    return (
        failure.facts.scope is Scope.SOURCE
        and seen.synced_generation == seen.generation
        and is_true(seen.conditions, ConditionType.SECRET_SYNCED)
    )


def _stale_at(seen: Standing, now: float) -> float:
    healthy = find(seen.conditions, ConditionType.HEALTHY)
    failing = healthy is not None and healthy.status is False
    since = healthy.since if healthy is not None and failing else now
    grace = max(GRACE_PERIODS * seen.period, seen.freshness_floor)
    return since + grace.total_seconds()


def _not_ready(failure: Failure) -> Condition:
    return condition(ConditionType.READY, False, failure.reason, failure.message)
