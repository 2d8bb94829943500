from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.renewal import (
    Cause,
    HeldToken,
    LastStretch,
    Lease,
    Observed,
    Renew,
    Replace,
    Step,
    Wait,
    is_due,
    is_prolonged,
    next_step,
    share_of,
    stretch_of_held,
    stretch_of_lost,
)

NOW = 1_700_000_000.0
LEASE = Lease(id="database/creds/app/1", since=NOW, duration=1000.0, renewable=True)
IN_ORDER = Observed(now=NOW, lease=LEASE)
NO_LEASE = Lease(id="", since=NOW, duration=0.0, renewable=False)


def at(seconds: float) -> float:
    return NOW + seconds


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        pytest.param(IN_ORDER, Renew(at(670)), id="renewed after renewalPercent"),
        pytest.param(
            replace(IN_ORDER, now=at(999)), Renew(at(670)), id="late, and still alive"
        ),
        pytest.param(replace(IN_ORDER, percent=0), Renew(at(1)), id="0 percent"),
        pytest.param(replace(IN_ORDER, percent=90), Renew(at(900)), id="90 percent"),
        pytest.param(replace(IN_ORDER, percent=250), Renew(at(900)), id="no more"),
        pytest.param(replace(IN_ORDER, percent=-5), Renew(at(1)), id="no less"),
        pytest.param(
            replace(IN_ORDER, now=at(-60)),
            Renew(at(-60 + 670)),
            id="the clock went back",
        ),
        pytest.param(
            replace(IN_ORDER, lease=replace(LEASE, renewable=False)),
            Replace(at(670), Cause.NOT_RENEWABLE),
            id="not renewable",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(1000)),
            Replace(at(1000), Cause.LEASE_ENDED),
            id="ended",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(700), is_gone=True),
            Replace(at(700), Cause.LEASE_GONE),
            id="not found",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(750), has_failed=True),
            Renew(at(800)),
            id="failed: tried again in a third of the time that is left for it",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(899.5), has_failed=True),
            Renew(at(900)),
            id="failed: for the last time",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(900), has_failed=True),
            Replace(at(900), Cause.RENEWAL_FAILED),
            id="failed: no time left",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(960), has_failed=True, percent=90),
            Replace(at(960), Cause.RENEWAL_FAILED),
            id="failed: it was renewed late on purpose",
        ),
        pytest.param(
            replace(IN_ORDER, token=LastStretch(NOW, at(500))),
            Replace(at(50), Cause.TOKEN_ENDS),
            id="its token ends first",
        ),
        pytest.param(
            replace(IN_ORDER, token=LastStretch(NOW, at(500)), share=0.5),
            Replace(at(250), Cause.TOKEN_ENDS),
            id="its token ends first: spread",
        ),
        pytest.param(
            replace(IN_ORDER, now=at(500), token=LastStretch(NOW, at(500))),
            Replace(at(500), Cause.TOKEN_ENDS),
            id="its token has ended",
        ),
        pytest.param(
            replace(IN_ORDER, token=LastStretch(NOW, at(100_000))),
            Renew(at(670)),
            id="its token ends, but not so soon",
        ),
        pytest.param(
            replace(
                IN_ORDER,
                lease=replace(LEASE, renewable=False),
                token=LastStretch(NOW, at(8000)),
            ),
            Replace(at(670), Cause.NOT_RENEWABLE),
            id="not renewable, and its token ends later",
        ),
        pytest.param(
            replace(IN_ORDER, lease=NO_LEASE), Wait(), id="no lease, no refreshAfter"
        ),
        pytest.param(
            replace(IN_ORDER, lease=NO_LEASE, refresh_after=100),
            Replace(at(67), Cause.NO_LEASE),
            id="no lease, refreshAfter",
        ),
        pytest.param(
            replace(IN_ORDER, lease=replace(NO_LEASE, duration=1000.0)),
            Replace(at(670), Cause.NO_LEASE),
            id="no lease, but Vault says how long it is good",
        ),
        pytest.param(
            replace(
                IN_ORDER,
                lease=replace(NO_LEASE, duration=1000.0),
                refresh_after=100,
            ),
            Replace(at(67), Cause.NO_LEASE),
            id="no lease: refreshAfter goes before what Vault says",
        ),
        pytest.param(
            replace(IN_ORDER, lease=NO_LEASE, token=LastStretch(NOW, NOW)),
            Wait(),
            id="no lease: it hangs on no token",
        ),
    ],
)
def test_next_step_of_a_lease(seen: Observed, step: Step) -> None:
    assert next_step(seen) == step


def test_leases_of_one_moment_are_renewed_over_a_tenth_of_their_life() -> None:
    seen = [
        replace(IN_ORDER, share=share_of("uid", f"lease-{number}"))
        for number in range(1000)
    ]

    due = [step.at - NOW for step in map(next_step, seen) if isinstance(step, Renew)]

    assert 670 <= min(due) < 672
    assert 768 < max(due) < 770
    per_tenth = [
        sum(670 + 10 * i <= each < 680 + 10 * i for each in due) for i in range(10)
    ]
    assert min(per_tenth) > 60


def test_share_depends_on_where_a_name_ends() -> None:
    assert share_of("a", "bc") != share_of("ab", "c")


@pytest.mark.parametrize(
    ("granted", "prolonged"),
    [(3600, True), (3599, True), (7200, True), (3500, False), (1, False), (0, False)],
)
def test_renewal_that_falls_short_is_the_last(granted: float, prolonged: bool) -> None:
    assert is_prolonged(granted, asked=3600) is prolonged


def test_second_that_is_missing_counts_where_a_life_is_short() -> None:
    assert is_prolonged(5, asked=6) is False


def test_renewal_without_any_time_is_none() -> None:
    assert is_prolonged(0, asked=0) is False


SECONDS = st.floats(0, 10**7, allow_nan=False)
STRETCHES = st.one_of(
    st.none(),
    st.tuples(SECONDS, SECONDS).map(
        lambda two: LastStretch(NOW - 10**6 + min(two), NOW - 10**6 + max(two))
    ),
)
ANY = st.builds(
    Observed,
    now=st.just(NOW),
    lease=st.builds(
        Lease,
        id=st.sampled_from(["", "lease"]),
        since=st.floats(NOW - 10**7, NOW + 10**6),
        duration=st.one_of(st.just(0.0), st.floats(1, 10**7)),
        renewable=st.booleans(),
    ),
    token=STRETCHES,
    percent=st.integers(0, 90),
    refresh_after=st.one_of(st.just(0.0), st.floats(1, 10**6)),
    share=st.floats(0, 1, exclude_max=True),
    is_gone=st.booleans(),
    has_failed=st.booleans(),
)


@given(ANY)
def test_nothing_is_planned_for_after_its_end(seen: Observed) -> None:
    step = next_step(seen)

    if isinstance(step, Wait):
        assert seen.life == 0
        return
    latest = seen.end
    if seen.token is not None and seen.lease.id:
        latest = min(latest, seen.token.end)
    # It may be late already, and one second is the least that anything is left alone.
    assert step.at <= max(latest, seen.now, seen.lease.since + 1)


@given(ANY)
def test_lease_is_replaced_only_for_a_cause(seen: Observed) -> None:
    step = next_step(seen)

    if not isinstance(step, Replace) or not seen.lease.id:
        return
    assert (
        seen.is_gone
        or seen.end <= seen.now
        or seen.token is not None
        or not seen.lease.renewable
        or (seen.has_failed and seen.now >= seen.last)
    )


@given(ANY)
def test_renewal_is_planned_for_what_is_renewable_alone(seen: Observed) -> None:
    if isinstance(next_step(seen), Renew):
        assert seen.lease.id
        assert seen.lease.renewable
        assert not seen.is_gone
        assert seen.end > seen.now


@given(ANY.map(lambda seen: replace(seen, has_failed=True, is_gone=False)))
def test_failed_renewal_is_not_tried_again_at_once(seen: Observed) -> None:
    step = next_step(seen)

    if isinstance(step, Renew):
        assert min(seen.now + 1, seen.last) <= step.at <= seen.last


@given(
    duration=st.floats(10, 10**6),
    percent=st.integers(0, 90),
    share=st.floats(0, 1, exclude_max=True),
    answers=st.lists(st.sampled_from(["more", "less", "fails", "gone"]), max_size=60),
)
def test_lease_is_never_let_run_out_while_vault_issues(
    duration: float, percent: int, share: float, answers: list[str]
) -> None:
    """Follow the table through a life: each step is taken when it is due."""
    seen = replace(
        IN_ORDER,
        lease=replace(LEASE, duration=duration),
        percent=percent,
        share=share,
    )
    for answer in answers:
        step = next_step(seen)
        assert not isinstance(step, Wait)
        now = max(step.at, seen.now)
        assert now <= seen.end or seen.is_gone
        if isinstance(step, Replace):
            lease = replace(LEASE, since=now, duration=duration)
            seen = replace(seen, now=now, lease=lease, is_gone=False, has_failed=False)
        else:
            seen = _renewed(replace(seen, now=now), answer, duration)


def _renewed(seen: Observed, answer: str, duration: float) -> Observed:
    if answer == "gone":
        return replace(seen, is_gone=True)
    if answer == "fails":
        return replace(seen, has_failed=True)
    granted = duration if answer == "more" else duration / 2
    lease = replace(
        seen.lease,
        since=seen.now,
        duration=granted,
        renewable=is_prolonged(granted, asked=duration),
    )
    return replace(seen, lease=lease, has_failed=False)


def test_what_is_due_is_due_from_its_time_on() -> None:
    assert not is_due(Renew(NOW + 1), now=NOW)
    assert is_due(Renew(NOW), now=NOW)
    assert is_due(Replace(NOW, Cause.LEASE_GONE), now=NOW)
    assert not is_due(Wait(), now=NOW)


@pytest.mark.parametrize(
    ("token", "stretch"),
    [
        (HeldToken(end=at(90), ttl=90, is_final=False), None),
        (HeldToken(end=math.inf, ttl=0, is_final=True), None),
        (HeldToken(end=at(90), ttl=60, is_final=True), LastStretch(at(30), at(90))),
    ],
    ids=["renewed", "endless", "final"],
)
def test_token_that_is_held_ends_when_no_renewal_prolongs_it(
    token: HeldToken, stretch: LastStretch | None
) -> None:
    assert stretch_of_held(token) == stretch


@pytest.mark.parametrize(
    ("end", "ttl", "stretch"),
    [
        pytest.param(at(50), 3600, LastStretch(NOW, at(50)), id="recorded"),
        pytest.param(at(-5), 3600, LastStretch(at(-5), at(-5)), id="over"),
        pytest.param(math.inf, 3600, None, id="endless"),
        pytest.param(None, 3600, LastStretch(NOW, at(1200)), id="unknown"),
        pytest.param(
            None, 0, None, id="unknown, of an identity whose tokens never end"
        ),
    ],
)
def test_token_that_nobody_has_ends_as_recorded_or_within_a_third_of_a_life(
    end: float | None, ttl: float, stretch: LastStretch | None
) -> None:
    assert stretch_of_lost(since=NOW, end=end, ttl=ttl) == stretch


def test_leases_of_a_lost_token_are_replaced_evenly_before_it_ends() -> None:
    """What a restart leaves: none at once, none late, as many in each part."""
    token = stretch_of_lost(since=NOW, end=at(10_000), ttl=3600)
    lease = replace(LEASE, duration=10**6)
    steps = [
        next_step(replace(IN_ORDER, lease=lease, token=token, share=share_of(str(i))))
        for i in range(1000)
    ]

    due = [step.at - NOW for step in steps if isinstance(step, Replace)]

    assert len(due) == 1000
    assert min(due) >= 1000
    assert max(due) <= 9000
    per_part = [
        sum(1000 * i <= each < 1000 * (i + 1) for each in due) for i in range(1, 9)
    ]
    assert min(per_part) > 90
