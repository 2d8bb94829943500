"""Whatever a function is given, it answers, or fails by an error of its own."""

from __future__ import annotations

from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.templating.functions.calling import call
from vso_controller.templating.errors import TemplateError
from vso_controller.templating.functions import library
from vso_controller.templating.functions.times import Time
from vso_controller.templating.functions.versioning import SemanticVersion
from vso_controller.templating.registry import Function
from vso_controller.templating.values import (
    Int64,
    IntList,
    JSONNumber,
    ListList,
    NilList,
    NilMap,
    NilStringList,
    Object,
    SizedInt,
    StringList,
    StringMap,
    UInt64,
    text,
    type_of,
)

WORDS = (
    *("", "0", "-5", "1.5", "0x1p4", "inf", "9" * 40, "\N{ARABIC-INDIC DIGIT THREE}"),
    *("a b  c", "A_b-C", "--", "..", "a/../b", "ß", "é☕", "x" * 300, "\n", "\x00"),
    *("2006-01-02", "GMT+3", "1h30m", "1.2.3", ">=1, <2", "1|2", "$1", "${a"),
    *("[", "(a|b)*", "a*", "\\C", "=", "aGVsbG8=", "{}", '[1,{"a":1e999}]', "%zz"),
    *("https://u:p@h:80/x?q#f", "//", "host", "path", "userinfo"),
)
INTEGERS = st.sampled_from((0, 1, -1, 3, 72, 10**6, -(2**31), 2**63 - 1, -(2**63)))
FLOATS = st.floats(allow_nan=True)
STRINGS = st.sampled_from(WORDS) | st.binary(max_size=4).map(text)
NUMBERS = st.sampled_from(("5", "1.5e3", "-0", "12345678901234567890")).map(JSONNumber)
TIME = cast("Object", call("mustToDate", "2006-01-02", "2024-02-29"))
VERSION = cast("Object", call("semver", "v1.2.3-beta+meta"))
SCALARS = st.one_of(
    *(st.none(), st.booleans(), INTEGERS, FLOATS, STRINGS, NUMBERS),
    INTEGERS.map(Int64),
    st.sampled_from((TIME, VERSION, 2j, b"\xff", UInt64(2**64 - 1))),
    st.builds(lambda kind: kind(), st.sampled_from((NilMap, NilList, NilStringList))),
)
TYPED = st.one_of(
    st.lists(STRINGS, max_size=3).map(StringList),
    st.lists(INTEGERS, max_size=3).map(IntList),
    st.just(ListList([[1], []])),
    st.just(StringMap(a="b")),
)
VALUES = st.recursive(
    SCALARS | TYPED,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4)
    ),
    max_leaves=8,
)
DICTIONARIES = st.dictionaries(STRINGS, VALUES, max_size=4) | st.builds(NilMap)
BY_TYPE = {
    "any": VALUES,
    "string": STRINGS,
    "int": INTEGERS,
    "bool": st.booleans(),
    "float64": FLOATS,
    "map[string]any": DICTIONARIES,
}


def _arguments(function: Function) -> st.SearchStrategy[tuple[object, ...]]:
    *fixed, last = map(BY_TYPE.__getitem__, function.signature.parameters)
    if not function.signature.is_variadic:
        return st.tuples(*fixed, last)
    return st.tuples(st.tuples(*fixed), st.lists(last, max_size=4)).map(
        lambda drawn: (*drawn[0], *drawn[1])
    )


CALLS = st.sampled_from(sorted(library())).flatmap(
    lambda name: st.tuples(st.just(name), _arguments(library()[name]))
)
METHODS = st.sampled_from((TIME, VERSION)).flatmap(
    lambda value: st.tuples(
        st.just(value), st.sampled_from(sorted(value.METHODS)), st.lists(VALUES)
    )
)


@settings(max_examples=600, deadline=None)
@given(CALLS)
def test_function_answers_or_fails_by_an_error_of_its_own(
    called: tuple[str, tuple[object, ...]],
) -> None:
    name, arguments = called
    try:
        result = call(name, *arguments)
    except TemplateError:
        return

    assert type_of(result)


@settings(max_examples=200, deadline=None)
@given(METHODS)
def test_method_answers_or_fails_by_an_error_of_its_own(
    called: tuple[Time | SemanticVersion, str, list[object]],
) -> None:
    value, name, arguments = called
    try:
        result = value.METHODS[name](value, *arguments)
    except TemplateError:
        return

    assert type_of(result)
    assert not isinstance(result, Object) or result.text()
    assert not isinstance(result, SizedInt) or int(result) is not None
