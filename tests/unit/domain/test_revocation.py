from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.revocation import (
    MOST_ATTEMPTS,
    MOST_ATTEMPTS_AT_END,
    Owed,
    alive,
    at_deletion,
    next_due,
    to_revoke,
    with_owed,
)

NOW = 1_700_000_000.0
DUE = Owed(lease_id="lease", due=NOW, end=NOW + 3600)
RUNS_OUT = replace(DUE, due=DUE.end)


def test_lease_is_revoked_at_its_due_time() -> None:
    assert to_revoke((DUE,), now=NOW - 1) == ()
    assert to_revoke((DUE,), now=NOW) == (DUE,)


def test_lease_that_runs_out_is_never_revoked_and_is_on_record_until_then() -> None:
    assert to_revoke((RUNS_OUT,), now=DUE.end - 1) == ()
    assert alive((RUNS_OUT,), now=DUE.end - 1) == (RUNS_OUT,)
    assert alive((RUNS_OUT,), now=DUE.end) == ()
    assert to_revoke((RUNS_OUT,), now=DUE.end) == ()


def test_refusal_that_is_final_leaves_the_lease_to_run_out() -> None:
    refused = DUE.failed("permission denied", now=NOW, is_final=True)

    assert refused.runs_out
    assert refused.error == "permission denied"
    assert next_due((refused,)) == DUE.end


@given(st.floats(10, 10**7))
def test_attempts_are_bounded_and_rest_longer_each_time(life: float) -> None:
    owed, now, rests = replace(DUE, end=NOW + life), NOW, []
    while not owed.runs_out:
        owed = owed.failed("away", now=now, is_final=False)
        rests.append(owed.due - now)
        now = owed.due

    assert owed.attempts <= MOST_ATTEMPTS
    assert rests[:-1] == sorted(rests[:-1])
    assert min(rests) > 0


def test_lease_is_owed_once() -> None:
    again = replace(DUE, due=NOW + 5)

    assert with_owed((DUE, RUNS_OUT), again) == (again,)


def test_nothing_is_due_of_nothing() -> None:
    assert next_due(()) is None


def test_deletion_takes_along_what_would_run_out_if_it_revokes() -> None:
    other = replace(RUNS_OUT, lease_id="other")

    assert at_deletion((DUE, other), now=NOW, revokes=True) == (DUE, other)
    assert at_deletion((DUE, other), now=NOW, revokes=False) == (DUE,)


def test_deletion_waits_for_no_more_than_some_attempts() -> None:
    tried = replace(DUE, attempts=MOST_ATTEMPTS_AT_END)
    given_up = DUE.failed("permission denied", now=NOW, is_final=True)

    assert at_deletion((tried,), now=NOW, revokes=True) == ()
    assert at_deletion((given_up,), now=NOW, revokes=True) == ()


def test_deletion_does_not_ask_for_what_has_ended() -> None:
    assert at_deletion((DUE,), now=DUE.end, revokes=True) == ()
