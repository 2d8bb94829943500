from __future__ import annotations

from dataclasses import replace

import pytest

from vso_controller.domain.filters import KeyFilter, key_filter
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.secretdata import MAX_DATA_BYTES, build_data
from vso_controller.domain.transformation import Recipe
from vso_controller.foundation import gojson
from vso_controller.foundation.gojson import JSONValue


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        ('"text"', b"text"),
        ('"grün"', "grün".encode()),
        ('"<b>"', b"<b>"),
        ("1.50", b"1.50"),
        ("12345678901234567890", b"12345678901234567890"),
        ("true", b"true"),
        ("null", b"null"),
        ('{"b": 1, "a": "<"}', b'{"a":"\\u003c","b":1}'),
        ("[1, []]", b"[1,[]]"),
    ],
)
def test_values_become_bytes_as_upstream_has_them(json: str, expected: bytes) -> None:
    source = {"key": gojson.loads(json.encode())}

    data = build_data(source, whole=source)

    assert isinstance(data, dict)
    assert data["key"] == expected


def test_raw_holds_all_that_vault_said() -> None:
    whole = {"data": {"a": "1"}, "metadata": {"version": gojson.Number("3")}}

    data = build_data({"a": "1"}, whole=whole)

    assert isinstance(data, dict)
    assert data["_raw"] == b'{"data":{"a":"1"},"metadata":{"version":3}}'


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param({"_raw": "x"}, "'_raw' not permitted", id="reserved"),
        pytest.param({"a/b": "x"}, "'a/b' cannot be a key", id="slash"),
        pytest.param({"": "x"}, "'' cannot be a key", id="empty"),
        pytest.param({".": "x"}, "'.' cannot be a key", id="dot"),
        pytest.param({"..": "x"}, "'..' cannot be a key", id="dots"),
        pytest.param({"..data": "x"}, "'..data' cannot be a key", id="dots first"),
        pytest.param({"a\n": "x"}, "cannot be a key", id="line"),
        pytest.param({"k" * 254: "x"}, "cannot be a key", id="long"),
        pytest.param({"k": "x" * MAX_DATA_BYTES}, "bytes, a Secret holds", id="big"),
    ],
)
def test_data_that_kubernetes_would_refuse_is_refused_before(
    source: dict[str, JSONValue], told: str
) -> None:
    refusal = build_data(source, whole={})

    assert isinstance(refusal, Failure)
    assert refusal.reason is Reason.INVALID_SECRET_DATA
    assert told in refusal.message


@pytest.mark.parametrize("key", [".hidden", "a..b", "tls.crt", "A_b-9", "k" * 253])
def test_names_that_kubernetes_takes_are_keys(key: str) -> None:
    assert isinstance(build_data({key: "x"}, whole={}), dict)


def test_largest_data_there_can_be_is_taken() -> None:
    room = 1_048_576 - len(b"{}")

    assert isinstance(build_data({"k": "x" * room}, whole={}), dict)
    assert isinstance(build_data({"k": "x" * (room + 1)}, whole={}), Failure)


def test_value_that_is_nested_too_deeply_is_refused() -> None:
    value: JSONValue = "x"
    for _ in range(5000):
        value = [value]

    refusal = build_data({"key": value}, whole={})

    assert isinstance(refusal, Failure)
    assert refusal.reason is Reason.INVALID_SECRET_DATA
    assert "nested too deeply" in refusal.message


def test_half_a_surrogate_pair_becomes_what_go_makes_of_it() -> None:
    source = gojson.loads(rb'{"key": "a\ud800b", "list": ["\uDFFF", 1, null]}')

    data = build_data(source, whole=source)

    assert isinstance(data, dict)
    assert data["key"] == "a\ufffdb".encode()
    assert data["list"] == '["\ufffd",1,null]'.encode()


def filtered(*excludes: str) -> KeyFilter:
    found = key_filter(includes=[], excludes=excludes)
    assert isinstance(found, KeyFilter)
    return found


NO_RAW = Recipe(exclude_raw=True)


@pytest.mark.parametrize(
    ("recipe", "rendered", "expected"),
    [
        pytest.param(NO_RAW, {}, {"a": b"1", "b": b'{"c":"2"}'}, id="without raw"),
        pytest.param(
            NO_RAW,
            {"a": b"made"},
            {"a": b"made", "b": b'{"c":"2"}'},
            id="template wins",
        ),
        pytest.param(
            replace(NO_RAW, filter=filtered("^a")), {}, {"b": b'{"c":"2"}'}, id="filter"
        ),
        pytest.param(
            replace(NO_RAW, filter=filtered(".*")),
            {"a": b"made"},
            {"a": b"made"},
            id="filters spare what is rendered",
        ),
        pytest.param(
            replace(NO_RAW, separator="."), {}, {"a": b"1", "b.c": b"2"}, id="flat"
        ),
        pytest.param(
            replace(NO_RAW, separator=".", filter=filtered("^b.c$")),
            {},
            {"a": b"1"},
            id="filters see flat keys",
        ),
        pytest.param(
            replace(NO_RAW, names={"a": "x"}),
            {},
            {"x": b"1", "b": b'{"c":"2"}'},
            id="name",
        ),
        pytest.param(
            replace(NO_RAW, names={"a": "b"}, filter=filtered("^b$")),
            {},
            {"b": b"1"},
            id="the name of what was dropped",
        ),
        pytest.param(
            Recipe(filter=filtered(".*")), {}, {"_raw": b'{"all":1}'}, id="raw stays"
        ),
    ],
)
def test_recipe_decides_what_becomes_of_each_key(
    recipe: Recipe, rendered: dict[str, bytes], expected: dict[str, bytes]
) -> None:
    data = build_data(
        {"a": "1", "b": {"c": "2"}}, whole={"all": 1}, recipe=recipe, rendered=rendered
    )

    assert data == expected


def test_key_called_raw_is_let_through_where_there_is_no_raw() -> None:
    assert build_data({"_raw": "x"}, whole={}, recipe=NO_RAW) == {"_raw": b"x"}


@pytest.mark.parametrize(
    ("source", "recipe", "rendered"),
    [
        pytest.param({"_raw": "x"}, Recipe(filter=filtered("_raw")), {}, id="dropped"),
        pytest.param({"a": "x"}, Recipe(), {"_raw": b"x"}, id="rendered"),
        pytest.param({"": {"raw": "x"}}, Recipe(separator="_"), {}, id="flattened"),
    ],
)
def test_nothing_else_can_be_called_raw(
    source: dict[str, JSONValue], recipe: Recipe, rendered: dict[str, bytes]
) -> None:
    failure = build_data(source, whole={}, recipe=recipe, rendered=rendered)

    assert isinstance(failure, Failure)
    assert failure.message == "key '_raw' not permitted in Secret data"


def test_values_that_meet_under_one_key_are_refused() -> None:
    failure = build_data(
        {"a_b": "1", "a": {"b": "2"}}, whole={}, recipe=Recipe(separator="_")
    )

    assert isinstance(failure, Failure)
    assert failure.message == "flatten: two values for the key 'a_b'"
