"""What the status of a VaultAuth says about its configuration.

Nobody logs in to find out: a VaultAuth is valid when its fields are and its
VaultConnection is there, as upstream has it.
"""

from __future__ import annotations

from vso_controller.domain.conditions import Condition, ConditionType, condition
from vso_controller.domain.reasons import Failure, Reason

KIND = "VaultAuth"


def conditions_for(failure: Failure | None) -> tuple[Condition, ...]:
    """Return the conditions of a VaultAuth that is in order (None) or is not."""
    if failure is None:
        return (
            condition(ConditionType.HEALTHY, True, Reason.HEALTHY, f"{KIND}Healthy"),
            condition(ConditionType.READY, True, Reason.READY, f"{KIND}Ready"),
        )
    return (
        condition(ConditionType.HEALTHY, False, Reason.UNHEALTHY, failure.message),
        condition(ConditionType.READY, False, failure.reason, failure.message),
    )
