"""What of all that happens is told; the limits are client-go's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.kube.worlds import KEY, WIDGETS
from vso_controller.foundation.events import EventKind, EventSubject
from vso_controller.kube.correlation import (
    BURST,
    COMBINED,
    LONGEST_MESSAGE,
    REFILL,
    SIMILAR,
    SIMILARITY_ENDS,
    Correlator,
    Fact,
    Recent,
)

ABOUT = EventSubject(resource=WIDGETS, key=KEY, uid="uid-till", resource_version="7")
FACT = Fact(ABOUT, EventKind.WARNING, "Failed", "no")


@pytest.fixture
def correlator() -> Correlator:
    return Correlator()


def saying(message: str) -> Fact:
    return replace(FACT, message=message)


def admitted(correlator: Correlator, *facts: Fact, now: float = 0.0) -> list[str]:
    told = (correlator.admit(fact, now) for fact in facts)
    return [each.fact.message for each in told if each is not None]


def test_object_has_a_burst_and_then_one_event_in_five_minutes(
    correlator: Correlator,
) -> None:
    assert len(admitted(correlator, *[FACT] * 100)) == BURST
    assert admitted(correlator, FACT, now=REFILL - 1) == []
    assert len(admitted(correlator, *[FACT] * 5, now=REFILL)) == 1
    assert len(admitted(correlator, *[FACT] * 5, now=REFILL * 4)) == 3


def test_budget_does_not_grow_beyond_the_burst(correlator: Correlator) -> None:
    admitted(correlator, FACT)

    assert len(admitted(correlator, *[FACT] * 100, now=REFILL * 1_000)) == BURST


def test_budget_is_the_objects_whatever_is_told_of_it(correlator: Correlator) -> None:
    normal = replace(FACT, kind=EventKind.NORMAL, reason="Synced")
    newer = replace(FACT, about=replace(ABOUT, resource_version="8"))
    other = replace(FACT, about=replace(ABOUT, uid="uid-other"))
    admitted(correlator, *[FACT] * BURST)

    assert admitted(correlator, normal, newer) == []
    assert len(admitted(correlator, other)) == 1


def test_what_was_left_out_is_told_as_a_number(correlator: Correlator) -> None:
    admitted(correlator, *[FACT] * (BURST + 7), *[saying("never")] * 2)

    occurrence = correlator.admit(FACT, REFILL)
    following = correlator.admit(FACT, REFILL * 2)

    assert occurrence is not None
    assert following is not None
    assert (occurrence.times, following.times) == (8, 1)


def test_tenth_different_message_and_those_after_it_are_combined(
    correlator: Correlator,
) -> None:
    told = admitted(correlator, *(saying(str(each)) for each in range(12)))

    assert told[: SIMILAR - 1] == [str(each) for each in range(SIMILAR - 1)]
    assert told[SIMILAR - 1 :] == [f"{COMBINED}{each}" for each in (9, 10, 11)]


def test_combined_facts_are_one_event(correlator: Correlator) -> None:
    facts = [correlator.admit(saying(str(each)), 0.0) for each in range(12)]

    identities = {each.fact.identity for each in facts if each is not None}

    assert len(identities) == SIMILAR


def test_same_message_again_is_not_similar_but_the_same(correlator: Correlator) -> None:
    assert admitted(correlator, *[FACT] * 20) == ["no"] * 20


def test_messages_of_other_reasons_are_not_similar(correlator: Correlator) -> None:
    facts = [
        replace(FACT, reason=reason, message=str(each))
        for each in range(SIMILAR - 1)
        for reason in ("One", "Other")
    ]

    assert not any(each.startswith(COMBINED) for each in admitted(correlator, *facts))


def test_similarity_ends_ten_minutes_after_the_last(correlator: Correlator) -> None:
    admitted(correlator, *(saying(str(each)) for each in range(SIMILAR)))

    until = admitted(correlator, saying("soon"), now=SIMILARITY_ENDS)
    after = admitted(correlator, saying("late"), now=SIMILARITY_ENDS * 2 + 1)

    assert (until, after) == ([f"{COMBINED}soon"], ["late"])


def test_combined_message_fits(correlator: Correlator) -> None:
    long = [saying(f"{each}{'x' * LONGEST_MESSAGE}") for each in range(SIMILAR)]

    assert len(admitted(correlator, *long)[-1]) == LONGEST_MESSAGE


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 400)), max_size=200))
def test_budget_holds_and_nothing_is_lost_from_the_numbers(
    happened: list[tuple[int, float]],
) -> None:
    """However it comes: no more than the limits allow, and every time is counted."""
    correlator, now, told, counted = Correlator(), 0.0, 0, 0
    for message, pause in happened:
        now += pause
        occurrence = correlator.admit(saying(str(message)), now)
        if occurrence is not None:
            told += 1
            counted += occurrence.times

    assert told <= BURST + now / REFILL + 1e-6
    untold = sum(
        correlator._untold.get(saying(str(each)).identity) or 0 for each in range(4)
    )
    assert counted + untold == len(happened)


def test_what_was_told_longest_ago_is_forgotten_first() -> None:
    recent: Recent[int] = Recent(limit=2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)

    recent.put("c", 4)

    assert [recent.get(key) for key in "abc"] == [3, None, 4]
