"""N13: what fails is not repeated without rest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.oracle.evidence import Bounds, Evidence, RetryBudget
from tests.support.oracle.report import Invariant
from tests.support.requestlog import Exchange, RequestLog
from tests.unit.support.oracle.runs import exchange, found, head

LOGIN = head("POST", "/v1/auth/kubernetes/login")
OTHER = head("POST", "/v1/auth/jwt/login")
BOUNDS = Bounds(retries=RetryBudget(at_once=2, rest=1.0))


def unrested(exchanges: Sequence[Exchange]) -> list[str]:
    run = Evidence(ended=60.0, vault_log=RequestLog(exchanges))
    return found(Invariant.BOUNDED_RETRIES, run, BOUNDS)


def failures(*times: float) -> list[Exchange]:
    return [exchange(LOGIN, at, status=503) for at in times]


def test_failures_without_rest_are_told() -> None:
    assert unrested(failures(1.0, 1.1, 1.2, 1.3)) == [
        "POST /v1/auth/kubernetes/login failed 2 times beyond its budget"
    ]


def test_failures_that_rest_are_in_order() -> None:
    assert not unrested(failures(1.0, 1.1, 2.1, 3.1, 4.1, 5.1))


def test_budget_does_not_grow_beyond_its_size() -> None:
    assert unrested(failures(1.0, 50.0, 50.1, 50.2))


def test_each_operation_has_its_own_budget() -> None:
    others = [exchange(OTHER, 1.2, status=503), exchange(OTHER, 1.3, status=503)]

    assert not unrested([*failures(1.0, 1.1), *others])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(exchange(LOGIN, 1.2), id="success"),
        pytest.param(exchange(LOGIN, 1.2, status=404), id="not there"),
        pytest.param(exchange(LOGIN, 1.2, status=409), id="conflict"),
        pytest.param(exchange(LOGIN, 1.2, status=None, runs=True), id="still runs"),
    ],
)
def test_what_is_no_failure_does_not_count(answer: Exchange) -> None:
    assert not unrested([*failures(1.0, 1.1), answer])


def test_connection_that_was_cut_counts() -> None:
    cut = exchange(LOGIN, 1.2, status=None, failure="reset")

    assert unrested([*failures(1.0, 1.1), cut])


@pytest.mark.parametrize("created", ["events", "secrets"])
def test_creations_are_counted_each_for_itself(created: str) -> None:
    creation = head("POST", f"/api/v1/namespaces/apps/{created}")
    several = [
        exchange(creation, 1 + number / 10, status=503, body=str(number))
        for number in range(3)
    ]
    same = [exchange(creation, at, status=503, body="0") for at in (1.3, 1.4, 1.5)]

    assert not unrested(several)
    assert unrested(same)
