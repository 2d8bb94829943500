from __future__ import annotations

import pytest

from vso_controller.domain.sourceversion import Setback, setback


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(5, 3, Setback(5, 3), id="lower"),
        pytest.param(5, 5, None, id="same"),
        pytest.param(5, 6, None, id="higher"),
        pytest.param(0, 3, None, id="nothing known before"),
        pytest.param(5, 0, None, id="no version"),
    ],
)
def test_only_a_lower_version_is_a_step_back(
    before: int, now: int, expected: Setback | None
) -> None:
    assert setback(before, now) == expected
