"""N3: every lease is on record until it ends. N4: none ends while it is in use."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from tests.support.oracle.case import Case
from tests.support.oracle.history import Span
from tests.support.oracle.leases import LeaseLife
from tests.support.oracle.records import SecretSeen
from tests.support.oracle.report import Invariant, Violation


def orphaned(case: Case) -> Iterator[Violation]:
    """N3: a lease lived on without being in any status, for longer than the grace.

    Nobody would renew or revoke it. What Vault held in the end counts too, where it
    was asked: the answer to an issue may have reached nobody.
    """
    known = {life.id for life in case.leases}
    for life in case.leases:
        if not life.issued.is_certificate:
            yield from _gap(case, life)
    for lease in sorted((case.evidence.leases_held or frozenset()) - known):
        if not _names(case, lease, case.evidence.ended):
            what = f"Vault holds lease {lease}, which no status names"
            yield Violation(Invariant.NO_ORPHANS, what)


def _gap(case: Case, life: LeaseLife) -> Iterator[Violation]:
    """Yield a violation if there is a time within the lease's life without a record."""
    end = min(life.end, case.evidence.ended)
    covered = life.began
    for start, stop in sorted(_records(case, life.id)):
        if start > covered + case.bounds.grace:
            break
        covered = max(covered, stop)
    if end - covered > case.bounds.grace:
        what = f"lease {life.id} is in no status from {covered:.3f} to {end:.3f} s"
        yield Violation(Invariant.NO_ORPHANS, what, (str(life.act),))


def _records(case: Case, lease: str) -> Iterator[tuple[float, float]]:
    for ref in case.resources.refs:
        for span in case.resources.spans(ref):
            if span.seen.names_in_status(lease):
                yield span.start, span.end


def _names(case: Case, lease: str, when: float) -> bool:
    return any(each.names_in_status(lease) for each in case.resources.alive(when))


def expired_in_use(case: Case) -> Iterator[Violation]:
    """N4: a Secret held a credential whose lease or certificate had ended.

    What the test itself ended does not count: that has to be found out first. Nor does
    what Kubernetes has yet to collect, once the Secret's owners are gone.
    """
    own = _own_values(case)
    for life in case.leases:
        if life.ended_by_test <= case.evidence.ended:
            continue
        for span in _uses(case, own[life.id]):
            used_until = min(span.end, _orphaned_at(case, span.seen))
            if used_until > life.end + case.bounds.grace:
                what = (
                    f"{span.seen.ref} held {life.id} until {used_until:.3f} s, "
                    f"which had ended at {life.end:.3f} s"
                )
                evidence = (str(life.act), str(span.seen))
                yield Violation(Invariant.NO_EXPIRY_IN_USE, what, evidence)


def _orphaned_at(case: Case, secret: SecretSeen) -> float:
    """Return when the last owner of a Secret was gone, or else the end of the run."""
    ends = [case.resources.end_of(uid) for uid in secret.owners]
    return min(max(ends, default=math.inf), case.evidence.ended)


def _own_values(case: Case) -> dict[str, frozenset[str]]:
    """Return the values that each credential has alone."""
    count = Counter(
        value for life in case.leases for value in set(life.issued.items.values())
    )
    return {
        life.id: frozenset(one for one in life.issued.items.values() if count[one] == 1)
        for life in case.leases
    }


def _uses(case: Case, values: frozenset[str]) -> Iterator[Span[SecretSeen]]:
    for ref in case.secrets.refs:
        for span in case.secrets.spans(ref):
            if not values.isdisjoint(span.seen.items.values()):
                yield span
