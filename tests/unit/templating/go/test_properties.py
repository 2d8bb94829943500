from __future__ import annotations

import os
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.templating.go.bombs import GENERATED
from tests.unit.templating.go.rendering import render
from vso_controller.templating.errors import LimitReached, ParseError, TemplateError
from vso_controller.templating.functions import library
from vso_controller.templating.go.parser import parse
from vso_controller.templating.limits import Limits

EXAMPLES = 10_000 if os.environ.get("LONG") else 200
PIECES = st.sampled_from(
    [
        *("{{", "}}", "{{-", "-}}", "{{- ", " -}}", "/*", "*/", " ", "\n", "\t", "é"),
        *("(", ")", "|", ":=", "=", ",", "$x", "$", ".", ".a", ".Secrets.user", "'a'"),
        *('"s"', "`r`", '"', "'", "`", "1", "0x", "1e", "-", "+", "1i", "nil", "true"),
        *("if ", "else", "end", "range ", "with ", "define ", "block ", "template "),
        *("break", "continue", "printf ", "upper ", "list ", "add ", "eq ", "and "),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


@given(TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_text_is_a_template_or_says_why_not(text: str) -> None:
    with suppress(ParseError, LimitReached):
        parse("main", text, functions=library(), limits=Limits())


@given(TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_rendering_twice_gives_the_same(text: str) -> None:
    def rendered() -> str:
        try:
            return render(text)
        except TemplateError as error:
            return str(error)

    assert rendered() == rendered()


@given(GENERATED)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_bomb_ends_with_a_text_or_an_error_of_templates(bomb: str) -> None:
    with suppress(TemplateError):
        render(bomb)
