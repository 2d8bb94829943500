"""N13: what fails is not repeated without rest.

An operation is a method and a path: whoever asks, the server that is in trouble
gets all of it. Only Events and Secrets that are created are each one of its own,
since none is the repetition of another. Each has a budget of failures that refills
with time; a request that fails beyond it should have waited. Answers that say how
things are, and not that they went wrong, are no failures: a conflict, an object that
is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from tests.support.oracle.case import Case
from tests.support.oracle.evidence import RetryBudget
from tests.support.oracle.report import Invariant, Violation
from tests.support.requestlog import Exchange

_NO_FAILURES = frozenset({404, 409, 410})


def unrested(case: Case) -> Iterator[Violation]:
    """N13: an operation failed more often than its budget allows."""
    log = chain(case.evidence.kube_log, case.evidence.vault_log)
    failures: dict[tuple[str, str, str], list[Exchange]] = defaultdict(list)
    for exchange in log:
        if has_failed(exchange):
            head = exchange.head
            failures[head.method, head.path, _created(exchange)].append(exchange)
    for (method, path, _), exchanges in failures.items():
        beyond = _beyond(exchanges, case.bounds.retries)
        if beyond:
            what = f"{method} {path} failed {len(beyond)} times beyond its budget"
            evidence = tuple(f"{one.started:.3f} s: {one}" for one in beyond)
            yield Violation(Invariant.BOUNDED_RETRIES, what, evidence)


def _created(exchange: Exchange) -> str:
    """Return what tells one creation from another on its path; "" for all else."""
    head = exchange.head
    creates = head.method == "POST" and head.path.endswith(("/events", "/secrets"))
    return exchange.request_body.sha256 if creates else ""


def has_failed(exchange: Exchange) -> bool:
    """Whether an exchange ended in a failure. One that runs has not ended."""
    if exchange.duration is None:
        return False
    if exchange.status is None:
        return True
    return exchange.status >= 400 and exchange.status not in _NO_FAILURES


def _beyond(exchanges: list[Exchange], budget: RetryBudget) -> list[Exchange]:
    left, then = float(budget.at_once), 0.0
    beyond = []
    for exchange in exchanges:
        refilled = left + (exchange.started - then) / budget.rest
        left, then = min(refilled, budget.at_once) - 1, exchange.started
        if left < 0:
            beyond.append(exchange)
            left = 0.0
    return beyond
