"""`docs/defences.md` names tests; they must exist under these names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(
    r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/defences.md").read_text()
)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_guard_of_a_defence_exists(file: str, name: str) -> None:
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


def test_every_row_names_its_guard() -> None:
    rows = [
        line
        for line in (ROOT / "docs/defences.md").read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| fault or defect")
    ]

    assert len(rows) == len(NAMED) > 20
