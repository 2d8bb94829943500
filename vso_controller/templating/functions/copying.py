"""Copies of nested values that share nothing, as mitchellh/copystructure makes them."""

from __future__ import annotations

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.functions.paying import ELEMENT
from vso_controller.templating.functions.versioning import SemanticVersion
from vso_controller.templating.registry import Environment


def deep_copy(run: Environment, value: object, depth: int = 0) -> object:
    """Return a copy of a value, of the same types.

    Raises LimitReached for what is nested too deeply, or in itself.
    """
    if isinstance(value, SemanticVersion):
        return value.blank()  # the library copies no field of it
    if not isinstance(value, (list, dict)):
        return value
    if depth == run.budget.limits.depth:
        raise LimitReached("depth", allowed=depth)
    run.budget.work(ELEMENT * len(value))
    if isinstance(value, dict):
        return type(value)(
            (key, deep_copy(run, each, depth + 1)) for key, each in value.items()
        )
    return type(value)(deep_copy(run, each, depth + 1) for each in value)
