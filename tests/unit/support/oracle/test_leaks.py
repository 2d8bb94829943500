"""N11: no canary anywhere."""

from __future__ import annotations

from dataclasses import replace

from tests.support.canaries import Leak
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import STATIC, found


def test_canary_that_was_found_is_told() -> None:
    leaks = (Leak("a password", "the log", 1), Leak("a token", "Event team/one", 2))

    assert found(Invariant.NO_LEAK, replace(STATIC, leaks=leaks)) == [
        "a password is told",
        "a token is told",
    ]


def test_no_leak_is_no_violation() -> None:
    assert not found(Invariant.NO_LEAK, STATIC)
