"""Templates of somebody who wants to see, block, flood or break the process."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest

from tests.unit.templating.go.bombs import BOMBS, DEEP
from tests.unit.templating.go.rendering import render
from vso_controller.templating.errors import (
    ExecutionError,
    LimitReached,
    ParseError,
    TemplateError,
)
from vso_controller.templating.limits import Limits
from vso_controller.templating.texts import Text

WALKS = [
    "{{ .__class__ }}",
    "{{ .Secrets.__class__.__mro__ }}",
    "{{ .Secrets.user.__class__ }}",
    "{{ .Secrets.list.append }}",
    "{{ .Secrets.map.keys }}",
    '{{ (index .Secrets "user").__init__ }}',
    '{{ (semver "1.2.3").__class__ }}',
    "{{ (now).__class__ }}",
    "{{ .Secrets.number.__add__ }}",
    '{{ (dict "__class__" 1).__class__.__bases__ }}',
    "{{ .members }}",
    "{{ .TYPE }}",
    "{{ .METHODS }}",
    "{{ (now).METHODS }}",
    '{{ .Secrets.user.format "x" }}',
]
BYTES = 32 * 2**20


@pytest.mark.parametrize("text", WALKS)
def test_template_reaches_no_attribute(text: str) -> None:
    try:
        shown = render(text)
    except TemplateError:
        return
    assert shown in {"<no value>", "1"}


@pytest.mark.parametrize("text", [*BOMBS, *DEEP], ids=range(len(BOMBS) + len(DEEP)))
def test_bomb_ends_with_a_text_or_an_error_of_templates(text: str) -> None:
    with suppress(TemplateError):  # no other error may come out
        render(text)


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_bomb_takes_little_memory(text: str) -> None:
    small = Limits(steps=10_000)  # what is traced is slow
    tracemalloc.start()
    try:
        with suppress(TemplateError):
            render(text, limits=small)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < BYTES


def test_limit_that_is_reached_says_its_name_and_where() -> None:
    with pytest.raises(LimitReached, match=r"^main:2:\d+: .*limit reached: items"):
        render("first line\n{{ range until 200000 }}x{{ end }}")


def test_templates_that_call_each_other_for_ever_are_ended() -> None:
    with pytest.raises(LimitReached, match="limit reached: depth"):
        render('{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}')


def test_output_is_at_most_a_mebibyte() -> None:
    with pytest.raises(LimitReached, match="limit reached: output"):
        render("{{ range 3000 }}{{ $.Secrets.user }}" + "x" * 1_000 + "{{ end }}")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("ok\n  {{ .Secrets.user.x }}", "main:2:6: can't evaluate field x"),
        ("{{ upper .Secrets.number }}", "main:1:10: upper: wrong type"),
        ("ö {{ upper }}", "main:1:7: upper: wrong number of arguments"),
        ("{{ fail .Secrets.user }}", "main:1:4: fail: "),
    ],
)
def test_error_says_where_and_shows_no_data(text: str, where: str) -> None:
    with pytest.raises(ExecutionError) as caught:
        render(text)

    assert str(caught.value).startswith(where)
    assert "admin" not in str(caught.value)


def test_error_in_a_template_that_is_called_names_that() -> None:
    other = Text("other", '{{ define "o" }}\n{{ .x.y.z }}{{ end }}')
    with pytest.raises(ExecutionError, match=r"^other:2:4: "):
        render('{{ template "o" 1 }}', other)


def test_unknown_function_is_told_when_the_template_is_read() -> None:
    with pytest.raises(ParseError, match=r"^main:1:4: function env not defined$"):
        render('{{ env "HOME" }}')


def test_delimiters_can_be_others() -> None:
    text = "{{ keep }} [[ .Secrets.user ]] {{- [[- /* x */ -]] ]]"

    assert render(text, left="[[", right="]]") == "{{ keep }} admin {{-]]"


def test_change_of_the_data_is_seen_by_the_templates_after_it() -> None:
    text = '{{ $_ := set .Secrets "user" "n3w" }}{{ .Secrets.user }}'

    assert render(text) == "n3w"
    assert render("{{ .Secrets.user }}") == "admin"
