"""Names for secret values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.oracle.fingerprints import Fingerprints

MINE = Fingerprints(b"a key of this test")
ENTRIES = st.dictionaries(
    st.text(min_size=1), st.text() | st.integers() | st.booleans() | st.none()
)


@given(st.binary(), st.binary())
def test_equal_values_and_no_others_have_equal_fingerprints(
    one: bytes, other: bytes
) -> None:
    assert (MINE.of(one) == MINE.of(other)) == (one == other)


def test_another_key_makes_other_fingerprints() -> None:
    assert Fingerprints().of(b"s3cret") != Fingerprints().of(b"s3cret")


@given(ENTRIES)
def test_secret_made_from_an_entry_is_recognised(entry: dict[str, object]) -> None:
    data = {
        key: (value if isinstance(value, str) else json.dumps(value)).encode()
        for key, value in entry.items()
    }
    wrapped = {"data": entry, "metadata": {"version": 3}}
    data["_raw"] = json.dumps(wrapped, indent=1).encode()

    assert MINE.of_secret(data) == MINE.of_entry(entry)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(b'{"a":1,"b":2}', b'{ "b": 2, "a": 1 }', True, id="an object"),
        pytest.param(b"[1,2]", b"[1, 2]", True, id="a list"),
        pytest.param(b"1.0", b"1.00", False, id="a number is its text"),
        pytest.param(b'"a"', b' "a"', False, id="a string is its text"),
    ],
)
def test_json_is_compared_by_what_it_says(one: bytes, other: bytes, same: bool) -> None:
    assert (MINE.of(one) == MINE.of(other)) is same
