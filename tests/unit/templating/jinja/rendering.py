"""A small library, and templates that are rendered with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from vso_controller.templating.jinja.templates import JinjaTemplates, compile_jinja
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment, Library, function, library
from vso_controller.templating.texts import Text
from vso_controller.templating.values import JSONNumber

VISIBLE: dict[str, object] = {
    "Secrets": {
        "user": "admin",
        "port": JSONNumber("5432"),
        "big": JSONNumber("12345678901234567890"),
        "ratio": JSONNumber("1.50"),
        "on": True,
        "none": None,
        "hosts": ["a", "b", "c"],
        "db": {"host": "h", "deep": {"er": "x"}},
        "empty": "",
        "no list": [],
    },
    "Metadata": {"version": JSONNumber("3")},
    "Annotations": {"team": "red"},
    "Labels": {},
}


@function("upper", "(string) string")
def upper(text: str) -> str:
    return text.upper()


@function("default", "(any, ...any) any")
def default(otherwise: object, *given: object) -> object:
    return given[0] if given and given[0] else otherwise


@function("toJson", "(any) string")
def to_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@function("repeat", "(int, string) string", environment=True)
def repeat(environment: Environment, times: int, text: str) -> str:
    environment.budget.work(times * len(text))
    return times * text


@function("until", "(int) []any", environment=True)
def until(environment: Environment, number: int) -> list[object]:
    environment.budget.items(number)
    return list(range(number))


@function("join", "(string, any) string")
def join(separator: str, parts: list[str]) -> str:
    return separator.join(parts)


@function("half", "(float64) float64")
def half(number: float) -> float:
    return number / 2


@function("keys", "(...map[string]any) []any")
def keys(*mappings: Mapping[str, object]) -> list[object]:
    return [key for each in mappings for key in each]


@function("randInt", "(int, int) int", environment=True, is_deterministic=False)
def rand_int(environment: Environment, least: int, most: int) -> int:
    return least + environment.chance.randrange(most - least)


@function("bcrypt", "(string) string", is_deterministic=False, is_slow=True)
def bcrypt(text: str) -> str:
    return f"hash of {text}"


LIBRARY: Library = library(
    [upper, default, to_json, repeat, until, join, half, keys, rand_int, bcrypt]
)


def compiled(
    text: str,
    *others: Text,
    left: str = "",
    right: str = "",
    limits: Limits | None = None,
) -> JinjaTemplates:
    texts = [Text("t", text, left, right), *others]
    return compile_jinja(texts, LIBRARY, limits or Limits())


def rendered(text: str, *others: Text, **limits: int) -> str:
    """Return what a template prints."""
    bounds = replace(Limits(), **limits)
    templates = compiled(text, *others, limits=bounds)
    return templates.render("t", VISIBLE, environment(bounds))


def environment(limits: Limits | None = None) -> Environment:
    chance = Random(1)  # noqa: S311 - of a test
    return Environment(
        Budget(limits or Limits()), lambda: datetime(2026, 1, 1, tzinfo=UTC), chance
    )
