"""N9: who does not hold the lease writes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.oracle.acts import KubeAct
from tests.support.oracle.evidence import Evidence
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    LEADER,
    STANDBY,
    STATUS,
    claim,
    found,
    issue,
    write,
)

FIRST = claim(0.0, seconds=3)


def unfenced(*acts: KubeAct) -> list[str]:
    return found(Invariant.FENCE, Evidence(ended=60.0, kube_acts=acts))


def status(at: float, *, who: str = LEADER) -> KubeAct:
    return write(at, "PATCH", STATUS, who=who, base=1, version=2)


def test_write_within_the_lease_is_in_order() -> None:
    assert not unfenced(FIRST, status(2.9))


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param((FIRST, status(3.1)), id="after its end"),
        pytest.param((status(0.5), claim(1.0)), id="before it was taken"),
        pytest.param((FIRST, status(1.0, who=STANDBY)), id="by a standby"),
        pytest.param(
            (FIRST, claim(1.0, holder=""), status(1.1)), id="after it was given back"
        ),
        pytest.param(
            (FIRST, replace(claim(2.0, seconds=3), status=409), status(4.0)),
            id="after a renewal was refused",
        ),
    ],
)
def test_write_outside_the_lease_is_told(acts: tuple[KubeAct, ...]) -> None:
    assert unfenced(*acts) == ["a write of a process without the lease"]


def test_renewal_makes_the_lease_last() -> None:
    assert not unfenced(FIRST, claim(2.0, seconds=3), status(4.9))


def test_renewal_without_an_answer_counts_for_the_process() -> None:
    """It may have landed; the process itself does not count it."""
    lost = replace(claim(2.0, seconds=3), status=None)

    assert not unfenced(FIRST, lost, status(4.0))


def test_lease_that_was_taken_anew_begins_a_new_term() -> None:
    later = claim(10.0, seconds=3)

    assert not unfenced(FIRST, later, status(11.0))
    assert unfenced(FIRST, later, status(5.0))


def test_successor_writes_in_its_own_term() -> None:
    takeover = claim(4.0, who=STANDBY, seconds=3)

    assert not unfenced(FIRST, status(1.0), takeover, status(5.0, who=STANDBY))
    assert unfenced(FIRST, takeover, status(5.0, who=LEADER))


def test_tokens_are_not_fenced() -> None:
    path = "/api/v1/namespaces/team/serviceaccounts/app-sa/token"

    assert not unfenced(FIRST, write(5.0, "POST", path))


def test_without_an_election_there_is_no_fence() -> None:
    assert not unfenced(status(1.0))


def test_issue_while_nobody_leads_is_told() -> None:
    run = Evidence(ended=60.0, kube_acts=(FIRST,))

    assert not found(Invariant.FENCE, replace(run, vault_acts=(issue(1.0),)))
    assert found(Invariant.FENCE, replace(run, vault_acts=(issue(5.0),)))
