"""Which of two resource versions is known to be the older one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.runtime.versions import is_older


@given(st.integers(0, 2**70), st.integers(0, 2**70))
def test_versions_compare_as_integers(one: int, other: int) -> None:
    assert is_older(str(one), str(other)) == (one < other)


@pytest.mark.parametrize(
    ("version", "than"),
    [
        pytest.param("", "5", id="unknown"),
        pytest.param("5", "", id="than unknown"),
        pytest.param("abc", "abd", id="no numbers"),
        pytest.param("-1", "5", id="negative"),
    ],
)
def test_a_version_without_order_is_not_older(version: str, than: str) -> None:
    assert not is_older(version, than)
