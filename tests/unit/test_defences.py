"""Pages of `docs/` name tests; they must exist under these names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def rows_of(page: str) -> list[str]:
    """Return the rows of all tables of a page, without what is above their lines."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if line.startswith("|--")}
    return [
        line
        for number, line in enumerate(lines)
        if line.startswith("| ") and number not in heads
    ]


def named_in(rows: list[str]) -> list[tuple[str, str]]:
    """Return file and name of the tests that rows name."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", "\n".join(rows))


DEFENCES, FAULTS = rows_of("defences.md"), rows_of("faults.md")


@pytest.mark.parametrize(("file", "name"), named_in(DEFENCES + FAULTS))
def test_test_that_a_page_names_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())

    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert name in defined | assigned


def test_every_defence_names_its_guard() -> None:
    assert len(DEFENCES) == len(named_in(DEFENCES)) > 20


def test_every_fault_names_the_test_of_its_number() -> None:
    numbers = [int(row.split("|")[1]) for row in FAULTS]
    named = [re.match(r"test_row_(\d\d)_", name) for _, name in named_in(FAULTS)]

    assert [int(each[1]) for each in named if each] == numbers
    assert len(set(numbers)) == len(numbers) > 20
