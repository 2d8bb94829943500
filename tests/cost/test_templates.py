"""What templates cost at most that are after all the time there is.

CPU is compared with a calibration loop of the same process, so a slow machine fails
nothing; a limit that counts the wrong thing does.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bench.stages import calibrate
from tests.unit.templating.go import bombs as go
from tests.unit.templating.go.rendering import render
from tests.unit.templating.jinja import bombs as jinja
from tests.unit.templating.jinja.rendering import rendered
from vso_controller.templating.errors import TemplateError

pytestmark = pytest.mark.no_cover

# Rounds of the calibration loop that the dearest of the bombs usually costs.
USUAL_BOMB = 70
FACTOR = 2

MEMORY = 32 * 2**20  # bytes
GENERATED = settings(
    max_examples=10_000 if os.environ.get("LONG") else 200,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # what fails by the machine cannot be made smaller
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

IN_GO = [*go.BOMBS, *go.DEEP]
IN_JINJA = [bomb.values[0] for bomb in jinja.BOMBS]


@pytest.fixture(scope="module")
def loop() -> float:
    return calibrate()


def cost(rendering: Callable[[str], object], text: str) -> float:
    """Return the CPU seconds until a text came, or an error."""
    began = time.thread_time()
    with suppress(TemplateError):
        rendering(text)
    return time.thread_time() - began


@pytest.mark.parametrize("text", IN_GO, ids=range(len(IN_GO)))
def test_bomb_in_go_costs_what_the_limits_allow(text: str, loop: float) -> None:
    assert cost(render, text) <= FACTOR * USUAL_BOMB * loop


@pytest.mark.parametrize("text", IN_JINJA, ids=range(len(IN_JINJA)))
def test_bomb_in_jinja_costs_what_the_limits_allow(text: object, loop: float) -> None:
    assert cost(rendered, str(text)) <= FACTOR * USUAL_BOMB * loop


@given(text=go.GENERATED)
@GENERATED
def test_generated_bomb_costs_what_the_limits_allow(text: str, loop: float) -> None:
    allowed = FACTOR * USUAL_BOMB * loop

    costs = (cost(render, text) for _ in range(3))
    assert any(each <= allowed for each in costs), "of three times"


@given(text=go.GENERATED)
@GENERATED
def test_generated_bomb_takes_little_memory(text: str) -> None:
    tracemalloc.start()
    try:
        cost(render, text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most <= MEMORY
