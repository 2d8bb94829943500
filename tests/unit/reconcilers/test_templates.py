"""The engines as reconcilers see them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from tests.unit.templating.jinja.rendering import LIBRARY
from vso_controller.api.v1beta1.shared import TemplateEngine
from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.domain.transformation import TemplateSource
from vso_controller.foundation.gojson import loads
from vso_controller.foundation.secret import Secret
from vso_controller.reconcilers.ports import TemplateInput
from vso_controller.reconcilers.templates import TemplateRenderer
from vso_controller.templating.limits import Budget, Limits
from vso_controller.templating.registry import Environment, Function, Library


def renderer(library: Library = LIBRARY) -> TemplateRenderer:
    chance = Random(1)  # noqa: S311 - of a test
    return TemplateRenderer(
        library=library,
        limits=Limits(),
        make_environment=lambda limits: Environment(
            Budget(limits), lambda: datetime(2026, 1, 1, tzinfo=UTC), chance
        ),
    )


def jinja(text: str, *, key: str = "out", name: str = "t") -> TemplateSource:
    return TemplateSource(name, key, text, TemplateEngine.JINJA2)


def visible(document: str = '{"a": 1.0}') -> TemplateInput:
    return TemplateInput(
        secrets=Secret(loads(document.encode())),
        metadata=Secret({"version": "1"}),
        annotations={"team": "red"},
        labels={"app": "web"},
    )


def rendered(*templates: TemplateSource) -> Mapping[str, bytes]:
    return renderer().compile(templates).render(visible()).reveal()


def test_each_key_is_what_its_template_says() -> None:
    data = rendered(
        jinja("{{ Secrets.a }} {{ Metadata.version }}"),
        jinja("{{ Annotations.team }} {{ Labels.app }} ü", key="other", name="o"),
    )

    assert data == {"out": b"1.0 1", "other": "red web ü".encode()}


def test_template_without_a_key_is_there_for_others() -> None:
    data = rendered(jinja("x", key="", name="lib"), jinja("{% include 'lib' %}y"))

    assert data == {"out": b"xy"}


def test_last_of_two_templates_for_one_key_wins() -> None:
    assert rendered(jinja("1", name="a"), jinja("2", name="b")) == {"out": b"2"}


def test_templates_of_a_resource_share_a_budget() -> None:
    loop = "{% for i in until(4000) %}{% endfor %}"
    templates = [jinja(loop, key=f"k{n}", name=f"t{n}") for n in range(5)]

    assert rendered(*templates[:1])
    with pytest.raises(Refusal, match="limit reached: steps"):
        rendered(*templates)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ nope", Reason.TRANSFORMATION_INVALID),
        ("{{ nope }}", Reason.TEMPLATE_FAILED),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text: str, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        rendered(jinja(text))

    assert caught.value.failure.reason is reason
    assert caught.value.failure.message.startswith("t:1: ")


@pytest.mark.parametrize("text", ["x", "{{"])
def test_what_templates_are_like_is_remembered(text: str) -> None:
    counting = Counting(LIBRARY)
    one = renderer(counting)

    for _ in range(3):
        with suppress(Refusal):
            one.compile([jinja(f"{{{{ upper('a') }}}}{text}")])

    assert counting.asked <= 1


def test_templates_are_remembered_apart() -> None:
    one = renderer()

    compiled = [one.compile([jinja(text)]) for text in ("a", "b", "a")]

    outputs = [each.render(visible()).reveal()["out"] for each in compiled]
    assert outputs == [b"a", b"b", b"a"]


def test_memory_has_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vso_controller.reconcilers.templates.JUDGED", 3)
    one = renderer()
    for number in range(10):
        one.compile([jinja(str(number))])

    assert len(one._verdicts) == 3
    assert one.compile([jinja("0")]).render(visible()).reveal() == {"out": b"0"}


class Counting(dict[str, Function]):
    """A library that counts how often it is looked into."""

    asked = 0

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        self.asked += 1
        return super().get(name, default)


def test_entry_that_is_nested_too_deeply_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(5000):
        document = {"a": document}
    shown = TemplateInput(Secret(document), Secret({}), {}, {})

    with pytest.raises(Refusal, match="nested too deeply"):
        renderer().compile([jinja("x")]).render(shown)


@pytest.mark.parametrize("text", ["{{ bcrypt('x') }}", "{{ upper('x') }}"])
def test_set_is_slow_where_one_of_its_functions_is(text: str) -> None:
    compiled = renderer().compile([jinja("x"), jinja(text, key="o", name="o")])

    assert compiled.is_slow is ("bcrypt" in text)
    assert compiled.is_deterministic is not compiled.is_slow
