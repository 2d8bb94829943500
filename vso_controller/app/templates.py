"""The engines of templates, with their library, their limits and what they may know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from secrets import SystemRandom

from vso_controller.reconcilers.templates import TemplateRenderer
from vso_controller.templating.functions import library
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment, Library

LIBRARY: Library = library()
"""The functions that templates can call."""


def template_renderer(now: Callable[[], float]) -> TemplateRenderer:
    """Return what compiles templates; `now` tells the seconds since the epoch."""
    chance = SystemRandom()

    def make_environment(limits: Limits) -> Environment:
        return Environment(
            budget=Budget(limits),
            now=lambda: datetime.fromtimestamp(now(), UTC),
            chance=chance,
        )

    return TemplateRenderer(
        library=LIBRARY, limits=Limits(), make_environment=make_environment
    )
