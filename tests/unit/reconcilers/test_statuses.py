from __future__ import annotations

from vso_controller.api.v1beta1 import shared
from vso_controller.domain.conditions import Condition
from vso_controller.reconcilers.statuses import conditions_of, stored

FAILED = shared.Condition(
    type="Ready",
    status=shared.ConditionStatus.FALSE,
    reason="VaultSealed",
    message="Vault is sealed",
    observed_generation=3,
    last_transition_time="2023-11-14T22:13:20Z",
)


def test_stored_condition_is_read_and_written_back_as_it_was() -> None:
    [condition] = conditions_of([FAILED])

    assert condition == Condition(
        "Ready", False, "VaultSealed", "Vault is sealed", 3, 1_700_000_000
    )
    assert stored([condition]) == (FAILED,)


def test_every_status_has_its_truth() -> None:
    each = [FAILED.model_copy(update={"status": it}) for it in shared.ConditionStatus]

    read = conditions_of(each)

    assert [condition.status for condition in read] == [True, False, None]
    assert stored(read) == tuple(each)


def test_what_upstream_left_out_or_spoilt_does_no_harm() -> None:
    odd = FAILED.model_copy(
        update={"observed_generation": None, "last_transition_time": "long ago"}
    )

    [condition] = conditions_of([odd])

    assert (condition.observed_generation, condition.since) == (0, 0.0)
