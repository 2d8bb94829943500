from __future__ import annotations

import pytest

from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.secretdata import MAX_DATA_BYTES, build_data
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
