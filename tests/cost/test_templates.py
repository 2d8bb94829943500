"""What templates cost at most that are after all the time there is.

CPU is compared with a calibration loop of the same process, so a slow machine fails
nothing; a limit that counts the wrong thing does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

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
