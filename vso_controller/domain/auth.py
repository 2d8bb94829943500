"""What the status of a VaultAuth, or of another kind that only says, tells.

Nobody logs in to find out: a VaultAuth is valid when its fields are and its
VaultConnection is there, as upstream has it.
"""

from __future__ import annotations

from vso_controller.domain.conditions import Condition, ConditionType, condition
from vso_controller.domain.reasons import Failure, Reason

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
