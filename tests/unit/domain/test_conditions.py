from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from vso_controller.domain.conditions import (
    MAX_MESSAGE,
    Condition,
    ConditionType,
    condition,
    find,
    is_true,
    merged,
)
from vso_controller.domain.reasons import REASONS, Failure, Reason, Retry, Scope
from vso_controller.domain.staticsecret import Standing, after_failure, after_success

SEALED = Failure(Reason.VAULT_SEALED, "Vault at https://vault:8200 is sealed")
SYNCED_AT = 1000.0
SYNCED = merged((), after_success(), generation=1, now=SYNCED_AT)
IN_STEP = Standing(
    generation=1,
    synced_generation=1,
    conditions=SYNCED,
    period=timedelta(seconds=30),
    freshness_floor=timedelta(minutes=5),
)


def test_transition_time_stays_while_the_status_stays() -> None:
    later = merged(SYNCED, after_success(), generation=1, now=SYNCED_AT + 500)

    assert later == SYNCED


def test_transition_time_moves_with_the_status() -> None:
    failed = condition(ConditionType.READY, False, Reason.VAULT_SEALED, "sealed")

    after = merged(SYNCED, (failed,), generation=2, now=SYNCED_AT + 9.7)

    ready = find(after, ConditionType.READY)
    assert ready is not None
    assert (ready.since, ready.observed_generation) == (SYNCED_AT + 9, 2)
    assert [each.type for each in after] == [each.type for each in SYNCED]


def test_conditions_of_others_are_kept() -> None:
    foreign = Condition("RolloutRestart", True, "RolloutRestartTriggered", since=5)

    after = merged((foreign,), after_success(), generation=1, now=SYNCED_AT)

    assert after[0] == foreign


def test_long_message_is_cut() -> None:
    made = condition(ConditionType.READY, False, Reason.VAULT_ERROR, "x" * 5000)

    assert len(made.message) == MAX_MESSAGE


def test_failed_read_leaves_a_fresh_secret_ready() -> None:
    updates = after_failure(SEALED, IN_STEP, now=SYNCED_AT + 60)
    after = merged(SYNCED, updates, generation=1, now=SYNCED_AT + 60)

    assert is_true(after, ConditionType.READY)
    assert is_true(after, ConditionType.SECRET_SYNCED)
    healthy = find(after, ConditionType.HEALTHY)
    assert healthy is not None
    assert (healthy.status, healthy.message) == (False, SEALED.message)


@pytest.mark.parametrize(
    ("period", "stale_after"),
    [
        pytest.param(timedelta(seconds=30), 300, id="the floor"),
        pytest.param(timedelta(minutes=10), 1800, id="three refreshes"),
    ],
)
def test_secret_that_is_not_fresh_any_more_is_not_ready(
    period: timedelta, stale_after: int
) -> None:
    seen = replace(IN_STEP, period=period)
    failing = merged(
        SYNCED, after_failure(SEALED, seen, now=SYNCED_AT), generation=1, now=SYNCED_AT
    )
    seen = replace(seen, conditions=failing)

    before = after_failure(SEALED, seen, now=SYNCED_AT + stale_after - 1)
    at_last = after_failure(SEALED, seen, now=SYNCED_AT + stale_after)

    assert find(before, ConditionType.READY) is None
    ready = find(at_last, ConditionType.READY)
    assert ready is not None
    assert (ready.status, ready.reason) == (False, Reason.VAULT_SEALED)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(
            replace(IN_STEP, synced_generation=0, conditions=()), id="never synced"
        ),
        pytest.param(replace(IN_STEP, generation=2), id="spec changed since"),
    ],
)
def test_failed_read_of_a_spec_that_was_never_synced_is_not_ready(
    seen: Standing,
) -> None:
    updates = after_failure(SEALED, seen, now=SYNCED_AT)

    told = {each.type: each.reason for each in updates if each.status is False}
    assert told == {
        "SecretSynced": Reason.VAULT_SEALED,
        "Healthy": Reason.UNHEALTHY,
        "Ready": Reason.VAULT_SEALED,
    }


def test_destination_that_is_not_ours_ends_readiness_at_once() -> None:
    taken = Failure(Reason.DESTINATION_NOT_OWNED, "Secret apps/db exists")

    updates = after_failure(taken, IN_STEP, now=SYNCED_AT + 1)

    ready = find(updates, ConditionType.READY)
    assert ready is not None
    assert ready.reason is Reason.DESTINATION_NOT_OWNED


def test_every_reason_of_a_failure_says_what_to_do() -> None:
    named = {reason for reason in Reason if reason in REASONS}
    others = set(Reason) - named

    assert others == {
        Reason.READY,
        Reason.HEALTHY,
        Reason.SYNCED,
        Reason.ACCEPTED,
        Reason.LOGIN_SUCCEEDED,
        Reason.NO_LOGIN_YET,
        Reason.VAULT_AUTH_GLOBAL_REF,
        Reason.UNHEALTHY,
        Reason.SECRET_LEASE_RENEWAL,
        Reason.SECRET_LEASE_RENEWAL_ERROR,
        Reason.VAULT_CLIENT_CONFIG_ERROR,
        Reason.INVALID_CONFIGURATION,
    }
    assert all(facts.meaning and facts.advice for facts in REASONS.values())


def test_what_waits_for_an_edit_is_the_specs_fault() -> None:
    waits = {reason for reason, facts in REASONS.items() if facts.retry is Retry.EDIT}
    specs = {reason for reason, facts in REASONS.items() if facts.scope is Scope.SPEC}

    elsewhere = {
        Reason.SECRET_TRANSFORMATION_NOT_FOUND,
        Reason.SECRET_TRANSFORMATION_NOT_ALLOWED,
        Reason.SECRET_TRANSFORMATION_INVALID,
    }
    assert waits == specs - elsewhere
