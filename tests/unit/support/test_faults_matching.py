"""Which requests a fault rule is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.faults_matching import (
    ALWAYS,
    EVERYTHING,
    WATCHES,
    WRITES,
    Chance,
    EveryNth,
    First,
    Nth,
    Occasion,
    Requests,
)
from tests.support.requestlog import RequestHead

LIST = RequestHead(
    method="GET",
    path="/api/v1/namespaces/team%2D1/secrets",
    query="limit=500",
    user_agent="vso-controller/1",
    is_authorized=True,
)
WATCH = replace(LIST, query="watch=true")
CREATE = replace(LIST, method="POST", query="")


def from_kubectl(head: RequestHead) -> bool:
    return head.user_agent.startswith("kubectl")


@pytest.mark.parametrize(
    ("requests", "included", "excluded"),
    [
        pytest.param(Requests(("POST", "PUT")), [CREATE], [LIST], id="methods"),
        pytest.param(Requests(path="/secrets$"), [LIST, CREATE], [], id="end of path"),
        pytest.param(Requests(path="^/secrets"), [], [LIST], id="begin of path"),
        pytest.param(Requests(path="team%2D1"), [LIST], [], id="path as it was sent"),
        pytest.param(Requests(path="limit"), [], [LIST], id="not the query"),
        pytest.param(WATCHES, [WATCH], [LIST, CREATE], id="watches"),
        pytest.param(Requests(watch=False), [LIST], [WATCH], id="no watches"),
        pytest.param(WRITES, [CREATE], [LIST, WATCH], id="writes"),
        pytest.param(
            Requests(also=from_kubectl),
            [replace(LIST, user_agent="kubectl/1")],
            [LIST],
            id="predicate",
        ),
        pytest.param(EVERYTHING, [LIST, WATCH, CREATE], [], id="everything"),
    ],
)
def test_requests_are_chosen_by_what_they_say_of_themselves(
    requests: Requests, included: list[RequestHead], excluded: list[RequestHead]
) -> None:
    assert all(map(requests.include, included))
    assert not any(map(requests.include, excluded))


def test_every_condition_counts() -> None:
    both = Requests(("POST",), path="/secrets$", watch=False, also=from_kubectl)

    assert both.include(replace(CREATE, user_agent="kubectl/1"))
    assert not both.include(CREATE)
    assert not both.include(replace(CREATE, path="/pods", user_agent="kubectl/1"))


def test_a_choice_prints_what_it_chooses() -> None:
    chosen = Requests(("GET", "PUT"), path="/leases/", watch=False, also=from_kubectl)

    assert str(chosen) == "GET|PUT /leases/ no watches from_kubectl"
    assert str(EVERYTHING) == "everything"


@pytest.mark.parametrize(
    ("occasion", "numbers"),
    [
        (ALWAYS, [1, 2, 3, 4, 5, 6, 7]),
        (Nth(3), [3]),
        (EveryNth(3), [3, 6]),
        (First(2), [1, 2]),
        (Chance(0), []),
        (Chance(1), [1, 2, 3, 4, 5, 6, 7]),
    ],
    ids=repr,
)
def test_occasion_arises_at_its_numbers(occasion: Occasion, numbers: list[int]) -> None:
    arisen = [each for each in range(1, 8) if occasion.arises(each, seed="1")]

    assert arisen == numbers


@given(st.text(), st.integers(1))
def test_chance_is_the_same_for_the_same_seed(seed: str, number: int) -> None:
    chance = Chance(0.5)

    assert chance.arises(number, seed=seed) == chance.arises(number, seed=seed)


def test_chance_hits_its_share() -> None:
    hits = sum(Chance(0.1).arises(each, seed="7") for each in range(10_000))

    assert 900 < hits < 1100
