"""Conditions of a resource, and how new ones meet those it has.

A transition time changes when a status changes and at no other time, so a
refresh that finds nothing new leaves the list equal to what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vso_controller.domain.reasons import Reason

MAX_MESSAGE = 1024
"""Characters of a message; metav1.Condition would take 32,768."""


class ConditionType(StrEnum):
    """The conditions that are written here: upstream's, and one of ours."""

    READY = "Ready"
    HEALTHY = "Healthy"
    SECRET_SYNCED = "SecretSynced"
    VAULT_CLIENT = "VaultClient"
    VAULT_PING = "VaultPing"
    RESOURCE_VALIDATION = "ResourceValidation"
    AVAILABLE = "Available"
    LEASE_RENEWAL = "LeaseRenewal"
    LOGIN_SUCCEEDED = "LoginSucceeded"
    """Ours: whether Vault let in who logged in by a VaultAuth."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A metav1.Condition; `since` is its transition time, seconds since the epoch."""

    type: str
    status: bool | None  # None: Unknown
    reason: str
    message: str = ""
    observed_generation: int = 0
    since: float = 0.0


def condition(
    which: ConditionType, status: bool | None, reason: Reason, message: str
) -> Condition:
    """Return a condition that is yet to be stamped by `merged`."""
    return Condition(which, status, reason, message[:MAX_MESSAGE])


def merged(
    existing: Sequence[Condition],
    updates: Collection[Condition],
    *,
    generation: int,
    now: float,
    drop: Collection[ConditionType] = (),
) -> tuple[Condition, ...]:
    """Return `existing` with `updates` in the place of those of the same type.

    Conditions of other types stay as they are and where they are, so that the
    order of the list is stable; new types come last. Types in `drop` go unless
    they are updated.
    """
    result = {each.type: each for each in existing}
    for update in updates:
        before = result.get(update.type)
        same = before is not None and before.status == update.status
        result[update.type] = replace(
            update,
            observed_generation=generation,
            since=before.since if before is not None and same else float(int(now)),
        )
    stale = set(drop) - {update.type for update in updates}
    return tuple(each for name, each in result.items() if name not in stale)


def find(conditions: Iterable[Condition], which: ConditionType) -> Condition | None:
    """Return the condition of that type, if there is one."""
    return next((each for each in conditions if each.type == which), None)


def tells(conditions: Iterable[Condition], message: str) -> bool:
    """Tell whether a condition is False already and says the same."""
    return any(
        each.status is False and each.message == message[:MAX_MESSAGE]
        for each in conditions
    )


def is_true(conditions: Iterable[Condition], which: ConditionType) -> bool:
    """Tell whether the condition is there and True."""
    found = find(conditions, which)
    return found is not None and found.status is True
