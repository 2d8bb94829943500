"""Ages as kubectl prints them."""

from __future__ import annotations

import pytest

from devcluster.clock import age, parse_timestamp, timestamp

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-120, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (2 * MINUTE, "2m"),
        (3 * MINUTE + 12, "3m12s"),
        (10 * MINUTE, "10m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR + 5 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY + HOUR, "2d1h"),
        (30 * DAY, "30d"),
        (800 * DAY, "2y70d"),
        (10 * 365 * DAY, "10y"),
    ],
)
def test_age_is_told_in_few_units(seconds: float, expected: str) -> None:
    assert age(seconds) == expected


def test_timestamps_lose_only_fractions() -> None:
    assert parse_timestamp(timestamp(1_700_000_000.9)) == 1_700_000_000
