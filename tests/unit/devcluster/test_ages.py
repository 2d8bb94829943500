"""Ages as kubectl prints them."""

from __future__ import annotations

import pytest

from devcluster.clock import age, timestamp

NOW = 1_700_000_000.0
MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0s"),
        (0, "0s"),
        (1, "1s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (3 * HOUR + 5 * MINUTE, "3h"),
        (47 * HOUR, "47h"),
        (800 * DAY, "800d"),
    ],
)
def test_age_is_told_in_one_unit(seconds: int, expected: str) -> None:
    assert age(NOW, timestamp(NOW - seconds)) == expected


def test_age_of_what_is_no_time_is_not_told() -> None:
    assert age(NOW, "yesterday") == "<invalid>"
