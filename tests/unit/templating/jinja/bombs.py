"""Templates of the Jinja2 dialect that grow, and the limit that each must meet."""

from __future__ import annotations

from typing import Final

import pytest

DEEP = 5_000
BOMBS: Final = (
    pytest.param("{{ " + "(" * DEEP + "1" + ")" * DEEP + " }}", "nesting", id="parens"),
    pytest.param("{{ " + "[" * DEEP + "]" * DEEP + " }}", "nesting", id="lists"),
    pytest.param("{{ " + "not " * DEEP + "1 }}", "nesting", id="not"),
    pytest.param("{{ " + "-" * DEEP + "1 }}", "nesting", id="minus"),
    pytest.param("{{ x" + " | upper" * 100 + " }}", "nesting", id="filters"),
    pytest.param("{{ x" + ".x" * 100 + " }}", "nesting", id="attributes"),
    pytest.param("{{ 1" + " + 1" * 100 + " }}", "nesting", id="sum"),
    pytest.param("{% if 1 %}" * 300 + "{% endif %}" * 300, "nesting", id="blocks"),
    pytest.param("{{ 1 }}" * 8000, "tokens", id="tokens"),
    pytest.param("x" * 70_000, "text", id="text"),
    pytest.param("ü" * 40_000, "text", id="text in bytes"),
    pytest.param(
        "{% for a in until(9999) %}{% for b in until(9999) %}{% endfor %}{% endfor %}",
        "steps",
        id="loops",
    ),
    pytest.param("{% for a in until(100000) %}x{% endfor %}", "steps", id="long loop"),
    pytest.param(
        "{% for a in until(90000) if a is none %}{% endfor %}", "steps", id="filtered"
    ),
    pytest.param("{{ until(1000000000) }}", "items", id="list"),
    pytest.param("{{ repeat(1000000000, 'x') }}", "work", id="repeat"),
    pytest.param(
        "{% for a in until(9) %}{{ printf('%999999d', a) }}{% endfor %}",
        "output",
        id="printf",
    ),
    pytest.param(
        "{% set x = repeat(1000000, 'x') %}" + "{{ x }}" * 2, "output", id="out"
    ),
    pytest.param(
        "{% set x = repeat(1000000, 'x') %}" + "{% set x = x ~ x %}" * 9, "work", id="~"
    ),
    pytest.param(
        "{% set x = repeat(1000000, 'x') %}" + "{% set x = x + x %}" * 9, "work", id="+"
    ),
    pytest.param(
        "{% set x = repeat(1000000, 'x') %}" + "{% if 'y' in x %}{% endif %}" * 20,
        "work",
        id="in",
    ),
    pytest.param("{% include 't' %}", "depth", id="itself"),
)
