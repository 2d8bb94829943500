"""What the engine costs, over a cluster with many resources: the bench, judged.

Counts are exact. CPU is compared with a calibration loop of the same process, so a
slow machine fails nothing; what costs twice its usual share does.
"""

from __future__ import annotations

import pytest
import pytest_asyncio

from bench.course import OURS, Course, run_course
from bench.figures import FILL_MEMORY, IDLE_CPU, SECRETS_BYTES, allowed
from bench.site import Site
from bench.stages import Stage, Told
from bench.whole import Requests, requests_of_filling, restart, settle
from tests.cost.conftest import LONG

pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900 if LONG else 60),
]

# Rounds of the calibration loop that are usual for one resource or one change.
USUAL_FILL = 0.0085
USUAL_CHANGE = 0.0100
FACTOR = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def course(site: Site) -> Course:
    return await run_course(site, OURS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def requests(site: Site) -> Requests:
    return await requests_of_filling(site)


def rounds(told: Told) -> float:
    """Return how many rounds of the calibration loop one thing cost."""
    return told.cpu / told.loop / told.number


async def test_stores_are_filled_at_the_usual_cost(course: Course, site: Site) -> None:
    filled = course[Stage.FILLED]

    assert filled.number == site.resources
    assert rounds(filled) <= FACTOR * USUAL_FILL


async def test_resource_takes_little_more_than_its_bytes(course: Course) -> None:
    filled = course[Stage.FILLED]

    assert filled.memory <= allowed(FILL_MEMORY, filled.number)


async def test_change_reaches_a_worker_at_the_usual_cost(course: Course) -> None:
    assert rounds(course[Stage.BURST]) <= FACTOR * USUAL_CHANGE


async def test_changes_leave_no_memory_behind(course: Course) -> None:
    grown = course[Stage.BURST].memory + course[Stage.TRICKLE].memory

    assert grown <= allowed(FILL_MEMORY, 0)


async def test_filling_the_stores_asks_vault_nothing(requests: Requests) -> None:
    assert requests.to_vault == 0


async def test_secrets_of_others_are_never_sent(requests: Requests) -> None:
    assert requests.answers_about_secrets <= SECRETS_BYTES


@pytest.mark.skipif(not LONG, reason="LONG=1 alone")
async def test_program_at_rest_takes_next_to_nothing(site: Site) -> None:
    await settle(site)

    told, idle = await restart(site, idle=120)

    assert (told.vault_reads, told.writes) == (0, 0)
    assert idle <= IDLE_CPU
