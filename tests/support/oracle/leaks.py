"""N11: no canary in any log, Event, status, metric or exception."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.oracle.case import Case
from tests.support.oracle.report import Invariant, Violation


def leaked(case: Case) -> Iterator[Violation]:
    """N11: every place in which a canary was found."""
    for leak in case.evidence.leaks:
        yield Violation(Invariant.NO_LEAK, f"{leak.canary} is told", (str(leak),))
