"""What the status of a VaultAuth, or of another kind that only says, tells.

Nobody logs in to find out: a VaultAuth is valid when its fields are and its
VaultConnection is there, as upstream has it. What came of the logins of those who use
it is a condition of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from vso_controller.domain.conditions import (
    Condition,
    ConditionType,
    condition,
    find,
)
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.foundation.objects import Envelope

KIND = "VaultAuth"


def conditions_for(
    failure: Failure | None, *, kind: str = KIND
) -> tuple[Condition, ...]:
    """Return the conditions of an object that is in order (None) or is not."""
    if failure is None:
        return (
            condition(ConditionType.HEALTHY, True, Reason.HEALTHY, f"{kind}Healthy"),
            condition(ConditionType.READY, True, Reason.READY, f"{kind}Ready"),
        )
    return (
        condition(ConditionType.HEALTHY, False, Reason.UNHEALTHY, failure.message),
        condition(ConditionType.READY, False, failure.reason, failure.message),
    )


def available(parent: Envelope | Failure | None) -> tuple[Condition, ...]:
    """Return the condition that tells of the VaultAuthGlobal which is inherited from.

    None: nothing is inherited, and there is no such condition.
    """
    match parent:
        case None:
            return ()
        case Failure():
            is_there, message = False, parent.message
        case _:
            is_there = True
            message = (
                f"VaultAuthGlobal {parent.key}, uid {parent.uid}, "
                f"generation {parent.generation}"
            )
    reason = Reason.VAULT_AUTH_GLOBAL_REF
    return (condition(ConditionType.AVAILABLE, is_there, reason, message),)


def login_failed(namespace: str, failure: Failure) -> Condition:
    """Return the condition of a VaultAuth by which a namespace could not log in."""
    message = f"namespace {namespace}: {failure.message}"
    return condition(ConditionType.LOGIN_SUCCEEDED, False, failure.reason, message)


def logged_in() -> Condition:
    """Return the condition of a VaultAuth by which all who tried could log in."""
    return condition(
        ConditionType.LOGIN_SUCCEEDED, True, Reason.LOGIN_SUCCEEDED, "Vault let them in"
    )


def no_login_yet(past: Iterable[Condition], *, generation: int) -> Condition | None:
    """Return the condition of a VaultAuth of which no login is known.

    None: what was found out of this very spec, be it by another process, stays.
    """
    known = find(past, ConditionType.LOGIN_SUCCEEDED)
    if known is not None and known.observed_generation == generation:
        return None
    return condition(
        ConditionType.LOGIN_SUCCEEDED,
        None,
        Reason.NO_LOGIN_YET,
        "nobody has logged in yet",
    )
