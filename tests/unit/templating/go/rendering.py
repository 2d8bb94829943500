"""Rendering one Go template in a test."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from vso_controller.templating.functions import library
from vso_controller.templating.go.fields import Root
from vso_controller.templating.go.sets import compile_go
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment
from vso_controller.templating.texts import Text

SECRETS: dict[str, object] = {
    "user": "admin",
    "list": ["b", "a"],
    "map": {"k": "v"},
    "number": 5,
    "nothing": None,
}


def environment(limits: Limits | None = None) -> Environment:
    """Return what a rendering has besides its data."""
    return Environment(
        budget=Budget(limits or Limits()),
        now=lambda: datetime(2026, 1, 2, tzinfo=UTC),
        chance=Random(1),  # noqa: S311 - the same each time
    )


def render(
    text: str,
    *others: Text,
    limits: Limits | None = None,
    left: str = "",
    right: str = "",
) -> str:
    """Return what a template prints for SECRETS."""
    texts = (*others, Text("main", text, left, right))
    compiled = compile_go(texts, library(), limits or Limits())
    fields = {"Secrets": dict(SECRETS), "Metadata": {}, "Annotations": {}, "Labels": {}}
    return compiled.render("main", Root(fields), environment(limits)).decode()
