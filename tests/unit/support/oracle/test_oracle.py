"""The oracle as a whole: good runs, and the table of checks."""

from __future__ import annotations

import pytest

from tests.support.oracle.evidence import Evidence
from tests.support.oracle.oracle import CHECKS, examine
from tests.support.oracle.report import Broken, Invariant, Report, Violation
from tests.unit.support.oracle.runs import DYNAMIC, STATIC


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(Evidence(ended=0.0), id="nothing happened"),
        pytest.param(STATIC, id="a static secret"),
        pytest.param(DYNAMIC, id="a dynamic secret"),
    ],
)
def test_a_run_in_which_all_is_well_has_no_violation(run: Evidence) -> None:
    report = examine(run)

    report.check()
    assert set(report.numbers.values()) == {0}


def test_every_invariant_has_its_check() -> None:
    assert set(CHECKS) == set(Invariant)


def test_a_report_counts_and_shows_what_was_broken() -> None:
    violations = [
        Violation(Invariant.FENCE, f"write {number}", ("the evidence",))
        for number in range(7)
    ]

    report = Report(violations)

    assert report.numbers[Invariant.FENCE] == 7
    assert report.numbers[Invariant.CONVERGENCE] == 0
    assert str(report).splitlines()[1:3] == ["N9 write 0", "    the evidence"]
    assert str(report).endswith("N9 and 2 more")
    with pytest.raises(Broken, match="N9=7"):
        report.check()
