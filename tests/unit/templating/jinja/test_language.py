"""What templates in Jinja2's language print."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from tests.unit.templating.jinja.rendering import (
    VISIBLE,
    compiled,
    environment,
    rendered,
)
from vso_controller.templating.errors import (
    ExecutionError,
    FunctionError,
    ParseError,
    TemplateError,
)
from vso_controller.templating.texts import Text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain\n", "plain\n", id="text, with its last line's end"),
        pytest.param("{{ Secrets.user }}", "admin", id="a value"),
        pytest.param("{{ Secrets['user'] }}", "admin", id="by item"),
        pytest.param("{{ Secrets.db.deep.er }}", "x", id="deep"),
        pytest.param("{{ Secrets.hosts[0] }}", "a", id="by index"),
        pytest.param("{{ Secrets.hosts[-1] }}", "c", id="from the end"),
        pytest.param("{{ Secrets.hosts[1:] | join(',') }}", "b,c", id="slice"),
        pytest.param("{{ Secrets.user[:3] }}", "adm", id="slice of a text"),
        pytest.param("{{ Secrets.port }}", "5432", id="number"),
        pytest.param("{{ Secrets.ratio }}", "1.50", id="its own literal"),
        pytest.param("{{ Secrets.big }}", "12345678901234567890", id="however large"),
        pytest.param("{{ Secrets.port + 1 }}", "5433", id="arithmetic"),
        pytest.param("{{ 7 // 2 }} {{ 7 % 2 }} {{ 2 * 3 }}", "3 1 6", id="more"),
        pytest.param("{{ 1 / 4 }} {{ -Secrets.ratio }}", "0.25 -1.5", id="real"),
        pytest.param("{{ Secrets.on }} {{ 1 == 1 }}", "true true", id="truth"),
        pytest.param("{{ Secrets.none }}", "null", id="null"),
        pytest.param("{{ Secrets.hosts }}", '["a","b","c"]', id="a list is JSON"),
        pytest.param("{{ {'a': [1, Secrets.user]} }}", '{"a":[1,"admin"]}', id="dict"),
        pytest.param("{{ Secrets.user ~ ':' ~ Secrets.port }}", "admin:5432", id="~"),
        pytest.param("{{ 'a' + 'b' }}", "ab", id="+ of texts"),
        pytest.param("{{ Secrets.user | upper }}", "ADMIN", id="filter"),
        pytest.param("{{ upper(Secrets.user) }}", "ADMIN", id="function"),
        pytest.param("{{ 'x' | repeat(3) }}", "xxx", id="the pipe comes last"),
        pytest.param("{{ Secrets.port | half }}", "2716.0", id="a number is a number"),
        pytest.param("{{ Secrets.port | upper }}", "5432", id="and a text"),
        pytest.param("{{ Secrets.gone | default('d') }}", "d", id="default"),
        pytest.param("{{ Secrets.empty or 'd' }}", "d", id="or"),
        pytest.param("{{ Secrets.user and 'd' }}", "d", id="and"),
        pytest.param("{{ not Secrets.user }}", "false", id="not"),
        pytest.param("{{ 'y' if Secrets.on else 'n' }}", "y", id="inline if"),
        pytest.param("{{ Secrets.gone is defined }}", "false", id="is defined"),
        pytest.param("{{ Secrets.gone is not defined }}", "true", id="is not"),
        pytest.param("{{ 'a' in Secrets.hosts }}", "true", id="in a list"),
        pytest.param("{{ 'db' in Secrets }}", "true", id="in a mapping"),
        pytest.param("{{ 'min' not in Secrets.user }}", "false", id="in a text"),
        pytest.param("{{ 1 < Secrets.port < 9999 }}", "true", id="comparisons"),
        pytest.param("{{ Secrets.port == 5432 }}", "true", id="numbers are equal"),
        pytest.param("{{ Secrets.port == '5432' }}", "false", id="a text is none"),
        pytest.param("{{ true == 1 }}", "false", id="true is no number"),
        pytest.param("{% if Secrets.on %}a{% else %}b{% endif %}", "a", id="if"),
        pytest.param(
            "{% if false %}a{% elif Secrets.empty %}b{% else %}c{% endif %}",
            "c",
            id="elif",
        ),
        pytest.param(
            "{% for h in Secrets.hosts %}{{ loop.index }}{{ h }}"
            "{% if not loop.last %},{% endif %}{% endfor %}",
            "1a,2b,3c",
            id="for",
        ),
        pytest.param(
            "{% for key in Secrets.db %}{{ key }} {% endfor %}",
            "deep host ",
            id="keys are in order",
        ),
        pytest.param(
            "{% for h in Secrets.hosts if h != 'b' %}{{ h }}{% endfor %}",
            "ac",
            id="for if",
        ),
        pytest.param(
            "{% for h in Secrets['no list'] %}{{ h }}{% else %}none{% endfor %}",
            "none",
            id="for else",
        ),
        pytest.param(
            "{% for a, b in [['x', 1], ['y', 2]] %}{{ a }}{{ b }}{% endfor %}",
            "x1y2",
            id="several names",
        ),
        pytest.param("{% set x = 1 %}{{ x }}", "1", id="set"),
        pytest.param("{% set a, b = [1, 2] %}{{ b }}", "2", id="set several"),
        pytest.param(
            "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}",
            "1",
            id="a loop keeps its names",
        ),
        pytest.param("a {%- if true %} b {%- endif %}", "a b", id="white space"),
        pytest.param("{# no #}{% raw %}{{ x }}{% endraw %}", "{{ x }}", id="raw"),
        pytest.param("{{ Metadata.version }}{{ Annotations.team }}", "3red", id="rest"),
        pytest.param(
            "{{ keys(Secrets.db, Labels) }}", '["host","deep"]', id="variadic"
        ),
        pytest.param(
            "{{ printf('%-6s|%05.1f|%q', Secrets.user, 1.25, 'x') }}",
            'admin |001.2|"x"',
            id="printf of Go",
        ),
        pytest.param("{{ len(Secrets.hosts) }}{{ 'ü' | len }}", "32", id="len of Go"),
        pytest.param("{{ index(Secrets.db, 'host') }}", "h", id="index of Go"),
        pytest.param(
            "{{ '<a>' | html }} {{ 'a b&c' | urlquery }}",
            "&lt;a&gt; a+b%26c",
            id="escapes of Go",
        ),
        pytest.param("{{ print('a', 1, 2) }}", "a1 2", id="print of Go"),
    ],
)
def test_template_prints(text: str, expected: str) -> None:
    assert rendered(text) == expected


PYTHONS: dict[str, Any] = {
    "Secrets": {"user": "admin", "hosts": ["a", "b"], "port": 5432, "on": True}
}


@pytest.mark.parametrize(
    "text",
    [
        "user={{ Secrets.user }}\nport={{ Secrets.port }}\n",
        "{% for h in Secrets.hosts -%}\n  {{ loop.index0 }}:{{ h }};\n{% endfor %}\n",
        "{% if Secrets.on and Secrets.port > 10 %}\n yes\n{% else %}\n no\n{% endif %}",
        "{{ Secrets.hosts[0] ~ '/' ~ (Secrets.port + 1) }}",
        "{% set x = Secrets.user %}{{ x }}{{ x }}",
        "  {{- Secrets.user -}}  end",
        "{{ 'a' if Secrets.user == 'admin' else 'b' }}{# c #}",
        "{% for h in Secrets.hosts %}{% for g in [1, 2] %}{{ h ~ g }}{% endfor %}"
        "{% endfor %}",
    ],
)
def test_what_both_can_do_prints_as_with_jinja2_itself(text: str) -> None:
    theirs = jinja2.Environment(keep_trailing_newline=True)  # noqa: S701

    ours = compiled(text).render("t", PYTHONS, environment())

    assert ours == theirs.from_string(text).render(PYTHONS)


def test_delimiters_can_be_others() -> None:
    templates = compiled("<< Secrets.user >> {{ helm }}", left="<<", right=">>")

    assert templates.render("t", VISIBLE, environment()) == "admin {{ helm }}"


@pytest.mark.parametrize(("left", "right"), [("{%", "}}"), ("{{", "#}"), ("|", "|")])
def test_delimiters_are_not_those_of_others(left: str, right: str) -> None:
    with pytest.raises(ParseError, match="delimiters"):
        compiled("x", left=left, right=right)


def test_template_is_included_by_its_name() -> None:
    library = Text("lib", "[{{ Secrets.user }}]")

    assert rendered("{% include 'lib' %}!", library) == "[admin]!"


def test_names_of_an_included_template_are_its_own() -> None:
    library = Text("lib", "{{ x }}{% set x = 2 %}")

    assert rendered("{% set x = 1 %}{% include 'lib' %}{{ x }}", library) == "11"


def test_two_templates_of_one_name_are_refused() -> None:
    with pytest.raises(ParseError, match="another one has its name"):
        compiled("x", Text("t", "y"))


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        pytest.param("a\nb{{ x", ParseError, "t:2: ", id="open expression"),
        pytest.param(
            "\n{{ bogus(1) }}", ParseError, "t:2: function 'bogus'", id="name"
        ),
        pytest.param("{{ 1 | bogus }}", ParseError, "function 'bogus'", id="filter"),
        pytest.param("{{ 1 is bogus }}", ParseError, "test 'bogus'", id="test"),
        pytest.param("{{ upper(x=1) }}", ParseError, "Keyword", id="named argument"),
        pytest.param("{{ upper(*x) }}", ParseError, "upper: arguments", id="star"),
        pytest.param("{{ 1 is none(1) }}", ParseError, "no arguments", id="test's"),
        pytest.param("{{ 'a' if 1 }}", ParseError, "if has no else", id="no else"),
        pytest.param("{{ 'abc'[::2] }}", ParseError, "step", id="step"),
        pytest.param(r"{{ '\ud800' }}", ParseError, "half", id="half a character"),
        pytest.param("\udc80", ParseError, "no text", id="no text"),
        pytest.param("{% set x.y = 1 %}", ParseError, "NSRef", id="attribute set"),
        pytest.param("{% include x %}", ParseError, "include takes", id="include"),
        pytest.param(
            "{% include 'x' without context %}", ParseError, "alone", id="context"
        ),
        pytest.param(
            "{% for a in b recursive %}{% endfor %}", ParseError, "recursive", id="loop"
        ),
        pytest.param(
            "{% for a, (b, c) in d %}{% endfor %}",
            ParseError,
            "only names",
            id="nested",
        ),
        pytest.param(r"{{ '\q' }}", ParseError, "t:1: ", id="escape"),
        pytest.param("{{ 1" + "0" * 5000 + " }}", ParseError, "large", id="digits"),
        pytest.param("{{ 1" + "0" * 30 + " }}", ParseError, "large", id="64 bits"),
        pytest.param(
            "\n\n{{ Secrets.gone }}", ExecutionError, "t:3: gone is not", id="no key"
        ),
        pytest.param("{{ nobody }}", ExecutionError, "nobody is not", id="no name"),
        pytest.param("{{ Secrets.gone.x }}", ExecutionError, "gone is", id="nothing's"),
        pytest.param(
            "{{ Secrets.user.x }}", ExecutionError, "only mappings", id="text's"
        ),
        pytest.param("{{ Secrets.hosts[9] }}", ExecutionError, "an item", id="no item"),
        pytest.param(
            "{{ Secrets['x'] }}", ExecutionError, "a key of", id="no such key"
        ),
        pytest.param("{{ Secrets[1] }}", ExecutionError, "keys of", id="no text"),
        pytest.param(
            "{{ Secrets.hosts['a'] }}", ExecutionError, "index", id="no index"
        ),
        pytest.param("{{ Secrets.user[0] }}", ExecutionError, "items", id="of a text"),
        pytest.param("{{ Secrets.port[:1] }}", ExecutionError, "sliced", id="no slice"),
        pytest.param("{{ 1 / 0 }}", ExecutionError, "division by zero", id="zero"),
        pytest.param("{{ 'a' * 3 }}", ExecutionError, "takes numbers", id="times text"),
        pytest.param("{{ '%s' % 3 }}", ExecutionError, "takes numbers", id="format"),
        pytest.param(
            "{{ 9223372036854775807 + 1 }}", ExecutionError, "large", id="overflow"
        ),
        pytest.param("{{ 'a' < 1 }}", ExecutionError, "two numbers", id="order"),
        pytest.param("{{ [] == [] }}", ExecutionError, "deepEqual", id="lists"),
        pytest.param("{{ 1 in 1 }}", ExecutionError, "in takes", id="in a number"),
        pytest.param("{{ {1: 2} }}", ExecutionError, "keys of", id="key of a mapping"),
        pytest.param(
            "{% for a in 'abc' %}{% endfor %}", ExecutionError, "for", id="for"
        ),
        pytest.param(
            "{% for a, b in [1] %}{% endfor %}", ExecutionError, "2 values", id="names"
        ),
        pytest.param("{% include 'x' %}", ExecutionError, "no template", id="unknown"),
        pytest.param(
            "{{ upper() }}", FunctionError, "upper: takes 1 arguments, has 0", id="few"
        ),
        pytest.param("{{ upper('a', 'b') }}", FunctionError, "has 2", id="many"),
        pytest.param(
            "{{ repeat('a', 'b') }}",
            FunctionError,
            "repeat: an argument is no int",
            id="type",
        ),
        pytest.param("{{ default() }}", FunctionError, "at least 1", id="variadic"),
        pytest.param("{{ upper(Secrets.gone) }}", ExecutionError, "gone", id="given"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    text: str, kind: type[TemplateError], told: str
) -> None:
    with pytest.raises(kind) as caught:
        rendered(text)

    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert str(caught.value).startswith("t:")


def test_place_is_that_of_the_included_template() -> None:
    with pytest.raises(ExecutionError) as caught:
        rendered("{% include 'lib' %}", Text("lib", "\n{{ gone }}"))

    assert str(caught.value) == "lib:2: gone is not defined"


@pytest.mark.parametrize(
    ("text", "slow", "deterministic"),
    [
        ("{{ Secrets.user | upper }}", False, True),
        ("{{ randInt(1, 9) }}", False, False),
        ("{% if false %}{{ 'x' | bcrypt }}{% endif %}", True, False),
    ],
    ids=["neither", "random", "slow"],
)
def test_functions_tell_what_a_rendering_is_like(
    text: str, *, slow: bool, deterministic: bool
) -> None:
    templates = compiled(text)

    assert (templates.is_slow, templates.is_deterministic) == (slow, deterministic)


def test_what_was_rendered_is_rendered_the_same_again() -> None:
    templates = compiled(
        "{% set x = 1 %}{% for h in Secrets.hosts %}{{ x }}{% endfor %}"
    )

    outputs = {templates.render("t", VISIBLE, environment()) for _ in range(3)}

    assert outputs == {"111"}
