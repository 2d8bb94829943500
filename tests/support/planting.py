"""Copies of the program with a planted bug, to see who notices it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PACKAGE = "vso_controller"


@dataclass(frozen=True, slots=True)
class Change:
    """A text in a file of the package, and what takes its place."""

    file: str
    old: str
    new: str


def plant(
    changes: Iterable[Change], folder: Path, *, beside: Iterable[str] = ()
) -> Path:
    """Return the folder of a copy of the program that has these changes.

    `beside` names what else of the repository is to be copied. A text that is not
    there exactly once is an AssertionError: the program has moved on.
    """
    shutil.copytree(ROOT / _PACKAGE, folder / _PACKAGE)
    for change in changes:
        file = folder / _PACKAGE / change.file
        text = file.read_text()
        assert text.count(change.old) == 1, f"{change.file} has it not: {change.old}"
        file.write_text(text.replace(change.old, change.new))
    for name in beside:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    return folder


def environment_of(program: Path) -> dict[str, str]:
    """Return the variables of a process; what is not the product is not measured."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if program == ROOT or not name.startswith("COV")
    }
    return {**kept, "PYTHONPATH": str(program)}
