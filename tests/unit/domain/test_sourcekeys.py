from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.sourcekeys import flattened, renamed

VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.lists(st.text(max_size=2)),
    lambda inner: st.dictionaries(st.text("ab_", max_size=2), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.dictionaries(st.text("ab_", max_size=3), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("source", "flat"),
    [
        pytest.param({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, id="flat already"),
        pytest.param({"db": {"host": "x"}}, {"db_host": "x"}, id="one level"),
        pytest.param({"a": {"b": {"c": "1"}}}, {"a_b_c": "1"}, id="two levels"),
        pytest.param({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, id="lists are values"),
        pytest.param({"a": {}, "b": None}, {"a": {}, "b": None}, id="empty object"),
    ],
)
def test_objects_become_keys(source: dict[str, Any], flat: dict[str, Any]) -> None:
    assert flattened(source, "_") == flat


def test_order_of_keys_is_kept() -> None:
    flat = flattened({"b": {"z": "1", "a": "2"}, "a": "3"}, ".")

    assert isinstance(flat, dict)
    assert list(flat) == ["b.z", "b.a", "a"]


def test_two_values_for_one_key_are_refused() -> None:
    failure = flattened({"a_b": "1", "a": {"b": "2"}}, "_")

    assert isinstance(failure, Failure)
    assert failure.reason is Reason.INVALID_SECRET_DATA
    assert failure.message == "flatten: two values for the key 'a_b'"


def test_depth_is_no_limit() -> None:
    source: dict[str, Any] = {"a": "1"}
    for _ in range(3000):
        source = {"a": source}

    flat = flattened(source, "")

    assert flat == {"a" * 3001: "1"}


@given(ENTRIES)
def test_no_value_is_lost_or_made_up(source: dict[str, Any]) -> None:
    flat = flattened(source, "/")  # no key has it, so none can be there twice

    assert isinstance(flat, dict)
    assert sorted(map(repr, flat.values())) == sorted(map(repr, leaves(source)))
    assert flattened(flat, "/") == flat


def leaves(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    found = []
    for each in value.values():
        found += leaves(each) if isinstance(each, dict) and each else [each]
    return found


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param({"a": "x"}, {"x": "1", "b": "2"}, id="one"),
        pytest.param({"a": "b", "b": "a"}, {"b": "1", "a": "2"}, id="swapped"),
        pytest.param({"a": "a"}, {"a": "1", "b": "2"}, id="its own name"),
        pytest.param({"a": "b", "b": "c"}, {"b": "1", "c": "2"}, id="moved up"),
    ],
)
def test_keys_get_other_names(names: dict[str, str], expected: dict[str, str]) -> None:
    assert renamed({"a": "1", "b": "2"}, names) == expected


@pytest.mark.parametrize(
    ("names", "told"),
    [
        pytest.param({"a": "b"}, "rename: two values for the key 'b'", id="taken"),
        pytest.param({"c": "x"}, "rename: there is no key 'c' to rename", id="missing"),
    ],
)
def test_names_that_lose_something_are_refused(
    names: dict[str, str], told: str
) -> None:
    failure = renamed({"a": "1", "b": "2"}, names)

    assert isinstance(failure, Failure)
    assert failure.message.startswith(told)
