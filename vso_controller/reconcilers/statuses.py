"""Between the conditions of the API and those that `domain` reasons about."""

from __future__ import annotations

from collections.abc import Iterable

from vso_controller.api.v1beta1 import shared
from vso_controller.domain.conditions import Condition
from vso_controller.foundation.clock import from_rfc3339, rfc3339

_STATUS = {
    True: shared.ConditionStatus.TRUE,
    False: shared.ConditionStatus.FALSE,
    None: shared.ConditionStatus.UNKNOWN,
}
_TRUTH = {status: truth for truth, status in _STATUS.items()}


def conditions_of(conditions: Iterable[shared.Condition]) -> tuple[Condition, ...]:
    """Read conditions as they are stored; a time nobody can read is long ago."""
    return tuple(
        Condition(
            type=each.type,
            status=_TRUTH[each.status],
            reason=each.reason,
            message=each.message,
            observed_generation=each.observed_generation or 0,
            since=_epoch(each.last_transition_time),
        )
        for each in conditions
    )


def stored(conditions: Iterable[Condition]) -> tuple[shared.Condition, ...]:
    """Return conditions in the form in which they are stored."""
    return tuple(
        shared.Condition(
            type=each.type,
            status=_STATUS[each.status],
            reason=each.reason,
            message=each.message,
            observed_generation=each.observed_generation,
            last_transition_time=rfc3339(each.since),
        )
        for each in conditions
    )


def _epoch(text: str) -> float:
    try:
        return from_rfc3339(text)
    except ValueError:
        return 0.0
