from __future__ import annotations

import asyncio
import time

import pytest

from vso_controller.foundation.clock import (
    SystemClock,
    from_rfc3339,
    rfc3339,
    rfc3339_micro,
)


def test_time_is_written_as_kubernetes_does() -> None:
    assert rfc3339(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert rfc3339_micro(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("2023-11-14T22:13:20.25Z", 1_700_000_000.25),
    ],
)
def test_time_of_others_is_read(text: str, epoch: float) -> None:
    assert from_rfc3339(text) == epoch


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("yesterday", "Invalid isoformat"),
        ("2023-11-14T22:13:20", "time zone"),
        ("2023-11-14", "time zone"),
    ],
)
def test_text_that_is_no_time_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_rfc3339(text)


async def test_system_clock_reads_the_machines_clocks() -> None:
    clock = SystemClock()

    assert abs(clock.now() - time.time()) < 5
    assert abs(clock.monotonic() - asyncio.get_running_loop().time()) < 5
    assert clock.boot() <= clock.boot()
