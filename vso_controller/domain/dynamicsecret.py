"""What the status of a VaultDynamicSecret says after success and after failure.

`Ready` is true while the Secret holds credentials that are good and are what the spec
asks for: a failure ends it when they end, and at once where the Secret or the spec is
not right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    condition,
    is_true,
)
from vso_controller.domain.reasons import Failure, Reason, Scope

KIND = "VaultDynamicSecret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a resource that could not be brought in step."""

    is_asked: bool  # the credentials are those that the spec asks for
    conditions: Sequence[Condition]
    good_until: float  # seconds since the epoch; infinite: nobody knows of an end


def after_success() -> tuple[Condition, ...]:
    """Return the conditions of a Secret that holds good credentials."""
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
    """Return the conditions of a resource that failed just now."""
    unhealthy = condition(
        ConditionType.HEALTHY, False, Reason.UNHEALTHY, failure.message
    )
    not_ready = condition(ConditionType.READY, False, failure.reason, failure.message)
    if not _still_holds(failure, seen):
        not_synced = condition(
            ConditionType.SECRET_SYNCED, False, failure.reason, failure.message
        )
        return (not_synced, unhealthy, not_ready)
    return (unhealthy,) if now < seen.good_until else (unhealthy, not_ready)


def after_renewal(*, ends: str, token_ends: str | None) -> Condition:
    """Return the condition of a lease that is renewed, or was just issued.

    Both are times to be read; None: the token that it hangs on is renewed for it.
    """
    message = f"The lease ends at {ends} if it is not renewed"
    if token_ends is not None:
        message += (
            f"; the token that it hangs on ends at {token_ends} and takes it"
            " along, so it is replaced before: a longer token_max_ttl of the role that"
            " the VaultAuth logs in with, or a token_period, avoids that"
        )
    return condition(
        ConditionType.LEASE_RENEWAL, True, Reason.SECRET_LEASE_RENEWAL, message
    )


def after_failed_renewal(message: str) -> Condition:
    """Return the condition of a lease that could not be renewed."""
    return condition(
        ConditionType.LEASE_RENEWAL, False, Reason.SECRET_LEASE_RENEWAL_ERROR, message
    )


def _still_holds(failure: Failure, seen: Standing) -> bool:
    return (
        failure.facts.scope is Scope.SOURCE
        and seen.is_asked
        and is_true(seen.conditions, ConditionType.SECRET_SYNCED)
    )
