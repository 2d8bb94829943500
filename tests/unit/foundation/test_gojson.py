from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.foundation import gojson
from vso_controller.foundation.gojson import JSONValue, Number

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, "null", id="null"),
        pytest.param(True, "true", id="bool"),
        pytest.param(12, "12", id="int"),
        pytest.param(Number("1.00"), "1.00", id="literal"),
        pytest.param({"b": [], "a": {}}, '{"a":{},"b":[]}', id="sorted keys"),
        pytest.param({"é": 1, "z": 2}, '{"z":2,"é":1}', id="sorted by bytes"),
        pytest.param("<&>", '"\\u003c\\u0026\\u003e"', id="html"),
        pytest.param("\u2028\u2029", '"\\u2028\\u2029"', id="line separators"),
        pytest.param('"\\/', '"\\"\\\\/"', id="quotes"),
        pytest.param("\b\f\n\r\t", '"\\b\\f\\n\\r\\t"', id="short escapes"),
        pytest.param("\x00\x1f\x7f", '"\\u0000\\u001f\x7f"', id="control characters"),
        pytest.param("grün 😀", '"grün 😀"', id="other text"),
        pytest.param("\ud800", '"\\ufffd"', id="invalid text"),
    ],
)
def test_json_is_what_go_prints(value: JSONValue, expected: str) -> None:
    assert gojson.dumps(value).decode() == expected


@pytest.mark.parametrize("literal", ["1.0", "1e400", "-0", "12345678901234567890123"])
def test_numbers_keep_their_literal(literal: str) -> None:
    document = f'{{"n":{literal}}}'.encode()

    assert gojson.dumps(gojson.loads(document)) == document


@given(VALUES)
def test_any_value_survives(value: JSONValue) -> None:
    assert json.loads(gojson.dumps(value)) == value


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"{", b"NaN", b"Infinity", b"{} {}", b"\xff", b"[" * 100_000),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param("{}".encode("utf-8-sig"), id="byte order mark"),
    ],
)
def test_what_is_not_json_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        gojson.loads(document)


def test_value_nested_too_deeply_is_refused() -> None:
    value: list[JSONValue] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(ValueError, match="nested too deeply"):
        gojson.dumps(value)


def test_foreign_type_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes is not a JSON value"):
        gojson.dumps(b"x")


def test_surrogates_are_read_as_go_reads_them() -> None:
    document = rb'{"\ud800": ["\udfff", true, null, 1.0, "\ud83d\ude00"]}'

    value = gojson.loads(document)

    assert value == {"\ufffd": ["\ufffd", True, None, "1.0", "\N{GRINNING FACE}"]}
    assert isinstance(value["\ufffd"][3], Number)
