from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.limits import Budget, Limits

PAGE = Path(__file__).parents[3] / "docs" / "templates.md"


def test_page_has_every_limit_with_its_value() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)

    assert {name: int(value) for name, value in rows} == asdict(Limits())


def test_work_is_paid_for_once() -> None:
    budget = Budget(Limits(work=100))

    budget.work(60)
    with pytest.raises(LimitReached, match=r"^limit reached: work \(at most 100\)$"):
        budget.work(60)


def test_list_counts_as_work_as_well() -> None:
    budget = Budget(Limits(work=640, items=100))

    budget.items(10)
    with pytest.raises(LimitReached, match="work"):
        budget.items(1)
    with pytest.raises(LimitReached, match="items"):
        budget.items(101)


def test_functions_that_are_slow_on_purpose_are_few() -> None:
    budget = Budget(Limits(hashes=2))

    budget.hash()
    budget.hash()
    with pytest.raises(LimitReached, match="hashes"):
        budget.hash()
