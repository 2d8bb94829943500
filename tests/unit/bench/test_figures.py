"""From what processes told to figures, and to what people read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.course import Course
from bench.figures import REFERENCE_LOOP, Figure, of_courses
from bench.report import table
from bench.stages import Stage, Told

CHEAP = Told(Stage.FILLED, 10_000, cpu=0.25, loop=REFERENCE_LOOP, memory=20 * 2**20)


def course(told: Told) -> Course:
    return {stage: replace(told, stage=stage) for stage in Stage}


def names_missed(figures: list[Figure]) -> list[str]:
    return [figure.name for figure in figures if not figure.is_met]


def test_cheap_course_meets_every_limit() -> None:
    figures = of_courses([course(CHEAP)], [])

    assert names_missed(figures) == []


def test_slow_machine_is_no_dear_program() -> None:
    slow = replace(CHEAP, cpu=4 * CHEAP.cpu, loop=4 * CHEAP.loop)

    assert names_missed(of_courses([course(slow)], [])) == []


@pytest.mark.parametrize(
    ("dear", "missed"),
    [
        (
            replace(CHEAP, cpu=0.7),
            ["stores filled: CPU", "change that piled up, to its key"],
        ),
        (replace(CHEAP, memory=26 * 2**20), ["stores filled: memory"]),
    ],
    ids=["CPU", "memory"],
)
def test_limit_that_is_passed_is_missed(dear: Told, missed: list[str]) -> None:
    figures = of_courses([course(dear)], [])

    assert names_missed(figures) == missed
    assert table(figures).count("MISSED") == len(missed)


def test_middle_of_the_courses_counts_and_the_peer_is_a_ratio() -> None:
    outlier, peer = replace(CHEAP, cpu=9), replace(CHEAP, cpu=2.5)
    ours = [course(CHEAP), course(outlier), course(CHEAP)]

    filled, *_ = of_courses(ours, [course(peer)])

    assert filled.value == pytest.approx(CHEAP.cpu)
    assert filled.ratio == pytest.approx(10)
