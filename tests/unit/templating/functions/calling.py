"""Calling a function of the library in a test, as a template would."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from vso_controller.templating.functions import library
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUICK = Limits(bcrypt_cost=4)


def environment(limits: Limits = QUICK, *, seed: int = 1) -> Environment:
    """Return what a rendering has besides its data."""
    return Environment(
        budget=Budget(limits),
        now=lambda: NOW,
        chance=Random(seed),  # noqa: S311 - the same each time
    )


def call(name: str, *arguments: object, run: Environment | None = None) -> object:
    """Return what the function makes of its arguments."""
    function = library()[name]
    if function.environment:
        return function.call(run or environment(), *arguments)
    return function.call(*arguments)
