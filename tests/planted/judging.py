"""Runs tests in a copy of the repository, and tells how each of them ended."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.planting import environment_of

# A failure in a task group is printed within bars, any other behind an E.
_LINE = r"^(?:E|[ |]*\|) +"
_ASSERTED = re.compile(
    _LINE + r"(?:AssertionError\b|assert\b|.*\bDID NOT RAISE\b)", re.MULTILINE
)
_BROKEN = re.compile(
    _LINE + r"(?:Import|ModuleNotFound|Name|Syntax)Error\b", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one test ended. `trouble` is what it printed of its failure, "" for none."""

    test: str
    trouble: str

    @property
    def noticed(self) -> bool:
        """Whether an assertion of the test failed, and not the program to load."""
        return bool(_ASSERTED.search(self.trouble)) and not _BROKEN.search(self.trouble)


async def run_tests(folder: Path, tests: Sequence[str]) -> list[Verdict]:
    """Run tests, named as pytest does, with `folder` as their repository.

    Raises AssertionError if they did not run at all.
    """
    report = folder / "report.xml"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        f"--junitxml={report}",
        *tests,
        cwd=folder,
        env=environment_of(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode in {0, 1}, told.decode()
    # The file is our own.
    root = ET.parse(report).getroot()  # noqa: S314
    return [_verdict(case) for case in root.iter("testcase")]


def _verdict(case: ET.Element) -> Verdict:
    file = case.get("classname", "").replace(".", "/")
    troubles = [each for each in case if each.tag in {"failure", "error", "skipped"}]
    told = "\n".join(each.text or each.tag for each in troubles)
    return Verdict(f"{file}.py::{case.get('name')}", told)
