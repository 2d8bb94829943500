"""Each defence is broken on purpose once, and the test that guards it must notice.

A test that passes whatever the program does guards nothing. Each defect of the table
is planted in a copy of the repository; there the guards that `docs/defences.md` names
are run and must fail by an assertion of theirs. Without a defect they must pass.
`LONG=1` plants those that CI leaves out.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.planted.defects import DEFECTS, Defect
from tests.planted.judging import run_tests
from tests.support.planting import ROOT, plant

pytestmark = pytest.mark.timeout(60)

LONG = bool(os.environ.get("LONG"))
CHOSEN = [defect for defect in DEFECTS if LONG or not defect.long]
REPOSITORY = ("tests", "devcluster", "pyproject.toml")


@pytest.mark.parametrize("defect", CHOSEN, ids=lambda defect: defect.name)
async def test_planted_defect_is_noticed_by_its_guard(
    defect: Defect, tmp_path: Path
) -> None:
    copy = plant(defect.changes, tmp_path / "copy", beside=REPOSITORY)

    verdicts = await run_tests(copy, [defect.guard])

    assert any(verdict.noticed for verdict in verdicts), verdicts


async def test_guards_are_content_with_what_has_no_defect(tmp_path: Path) -> None:
    copy = plant((), tmp_path / "copy", beside=REPOSITORY)

    verdicts = await run_tests(copy, sorted({defect.guard for defect in CHOSEN}))

    assert [verdict for verdict in verdicts if verdict.trouble] == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_guard_is_the_one_that_the_page_names(defect: Defect) -> None:
    page = (ROOT / "docs/defences.md").read_text()

    assert f"`{defect.guard}`" in page
