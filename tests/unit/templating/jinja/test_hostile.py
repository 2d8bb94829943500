"""Templates that are after something else than a text."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from tests.unit.templating.jinja.bombs import BOMBS
from tests.unit.templating.jinja.rendering import rendered
from vso_controller.templating.errors import LimitReached, ParseError, TemplateError
from vso_controller.templating.jinja.reading import ALLOWED
from vso_controller.templating.texts import Text

ESCAPES = [
    # CVE-2024-56326: format through a reference to it
    "{{ ('{0.__class__}').format('x') }}",
    "{% set f = '{0.__class__}'.format %}{{ f('x') }}",
    "{{ ['{0.__class__}'] | map('format', 'x') }}",
    # CVE-2025-27516: the same through attr
    "{{ ('{0.__class__}' | attr('format'))('x') }}",
    "{{ '' | attr('__class__') }}",
    "{{ '%s' | format('x') }}",
    "{{ '%c' * 1000000000 % 1 }}",
    "{{ [Secrets] | map(attribute='__class__') | list }}",
    "{{ Secrets | map(attribute='user') }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum(n=100000) }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace(a=1) }}",
    "{% set ns = namespace() %}{% set ns.x = 1 %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ Secrets.__class__.__base__ }}",
    "{{ Secrets['__class__'] }}",
    "{{ Secrets.user['__class__'] }}",
    "{{ Secrets.hosts.append('x') }}",
    "{{ Secrets.pop('user') }}",
    "{{ Secrets.items() }}",
    "{{ upper.__call__ }}",
    "{{ upper.call }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ config }}",
    "{{ request }}",
    "{{ range(10**9) }}",
    "{{ range(1000000000) }}",
    "{{ dict(a=1) }}",
    "{{ caller() }}",
    "{{ varargs }}{{ kwargs }}",
    "{{ get_flashed_messages() }}",
    "{{ url_for.__globals__ }}",
    "{{ _ }}",
    "{{ debug() }}",
    "{% debug %}",
    "{% do 1 %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'os' %}",
    "{% block x %}{% endblock %}",
    "{% macro x() %}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% with x = 1 %}{% endwith %}",
    "{% set x %}y{% endset %}",
    "{% trans %}x{% endtrans %}",
    "{{ x | safe }}",
    "{{ x | xmlattr }}",
    "{{ x | urlize }}",
    "{{ x | pprint }}",
    "{{ x | tojson }}",
    "{{ x | groupby('__class__') }}",
    "{{ x | sum(attribute='__class__') }}",
    "{{ x | selectattr('__class__') }}",
    "{{ 2 ** 1000000000 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [0] * 1000000000 }}",
    "{{ (1, 2).__class__ }}",
    "{{ (1).__class__ }}",
    "{{ none.__class__ }}",
    "{{ loop.__class__ }}",
    "{% for x in Secrets.hosts %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in Secrets.hosts %}{{ loop.cycle('a') }}{% endfor %}",
    "{{ 'x'.join(['a']) }}",
    "{{ 'x'.encode() }}",
    "{{ upper(upper) }}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_escape_is_refused(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(text)

    # Not by accident, as deep inside of Python, and without data.
    assert str(caught.value).startswith("t:")
    assert "admin" not in str(caught.value)


def test_list_of_nodes_has_nothing_that_leads_out_of_plain_data() -> None:
    refused = {
        *(nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.With, nodes.Block),
        *(nodes.Extends, nodes.Import, nodes.FromImport, nodes.ExprStmt, nodes.NSRef),
        *(nodes.AssignBlock, nodes.Keyword, nodes.Pow, nodes.MarkSafe),
        *(nodes.EnvironmentAttribute, nodes.ExtensionAttribute, nodes.ImportedName),
        *(nodes.InternalName, nodes.ContextReference, nodes.EvalContextModifier),
    }

    assert ALLOWED.isdisjoint(refused)


@pytest.mark.parametrize(("text", "limit"), BOMBS)
def test_bomb_meets_a_limit_that_is_named(text: str, limit: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(LimitReached) as caught:
            rendered(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert caught.value.limit == limit
    assert str(caught.value).startswith("t:")
    assert peak < 32 * 2**20


def test_limits_are_those_that_are_given() -> None:
    with pytest.raises(LimitReached, match=r"output \(at most 3\)"):
        rendered("{{ Secrets.user }}", output=3)


WORDS = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "~", "|", "(", ")", "[", "]"),
        *(".", ",", ":", "==", "in", "is", "not", "if", "else", "elif", "endif", "for"),
        *(
            "endfor",
            "set",
            "include",
            "raw",
            "endraw",
            "'",
            '"',
            "\\",
            "1",
            "1.5",
            "0x",
        ),
        *("Secrets", "user", "hosts", "upper", "default", "until", "loop", "none"),
        *(
            " ",
            "\n",
            "ü",
            "\ud800",
            "{",
            "}",
            "%",
            "#",
            "*",
            "**",
            "=",
            "true",
            "macro",
        ),
    ]
)


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=40).map(" ".join) | st.lists(WORDS).map("".join))
@example("{{ 1_0 }}")
@example("{{ 1e999 }}")
@example("{{ '\\ud800' }}")
@example("{{ '\\N{x}' }}")
def test_no_text_raises_anything_else(text: str) -> None:
    outcomes = [outcome(text) for _ in range(2)]

    assert outcomes[0] == outcomes[1]


def outcome(text: str) -> str:
    try:
        return rendered(text)
    except TemplateError as error:
        return str(error)


def test_included_bomb_names_its_own_template() -> None:
    with pytest.raises(ParseError, match="lib:1: Macro"):
        rendered("x", Text("lib", "{% macro x() %}{% endmacro %}"))
