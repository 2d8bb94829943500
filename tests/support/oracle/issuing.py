"""N5: no more credentials than causes. N10: what has to be revoked is revoked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from tests.support.oracle.case import Case
from tests.support.oracle.claims import PKI, destination_of, issue_path
from tests.support.oracle.journal import CredentialWanted
from tests.support.oracle.leases import LeaseLife
from tests.support.oracle.records import Ref, ResourceSeen
from tests.support.oracle.report import Invariant, Violation


def surplus(case: Case) -> Iterator[Violation]:
    """N5: a credential was issued, and every cause so far had had its own.

    Causes are: a resource, a new generation of it, a change of its Secret by
    somebody else, a credential that is nearly spent or was ended by the test, an
    answer that did not reach the controller, and what the journal says.
    """
    causes = _causes(case)
    for path, lives in _by_path(case).items():
        ready = causes[path]
        for life in lives:
            earliest = min(ready, default=math.inf)
            if earliest <= life.act.at:
                ready.remove(earliest)
            else:
                yield _surplus(life, lives)
            # Only now: a credential is no cause of itself.
            ready.extend(_causes_in(case, life))


def _surplus(life: LeaseLife, lives: Iterable[LeaseLife]) -> Violation:
    what = f"{life.id} was issued at {life.act.path} without a cause"
    others = (str(each.act) for each in lives if each is not life)
    return Violation(Invariant.NO_SURPLUS, what, (str(life.act), *others))


def _causes(case: Case) -> dict[str, list[float]]:
    """Return for each path since when there are causes to issue there."""
    found: dict[str, list[float]] = defaultdict(list)
    for ref in case.resources.refs:
        for path, at in _causes_of(case, ref):
            found[path].append(at - case.bounds.slack)
    for wanted in case.causes(CredentialWanted):
        found[wanted.path].append(wanted.at - case.bounds.slack)
    return found


def _causes_in(case: Case, life: LeaseLife) -> Iterator[float]:
    """Yield since when a credential is itself a cause to issue the next one."""
    if not case.delivered(life.act):
        yield life.act.at
    if life.ended_by_test < life.expires:
        yield life.ended_by_test
    else:
        yield life.began + case.bounds.spent * (life.expires - life.began)


def _causes_of(case: Case, ref: Ref) -> Iterator[tuple[str, float]]:
    """Yield the causes that lie with a resource and its Secret."""
    generation = 0
    for span in case.resources.spans(ref):
        path, destination = issue_path(span.seen), destination_of(span.seen)
        if path is None or destination is None:
            continue
        if span.seen.generation != generation:
            generation = span.seen.generation
            yield path, span.start
        for secret in case.secrets.of(destination.secret):
            by_others = secret.gone or not case.is_ours(secret)
            if by_others and span.start <= secret.at < span.end:
                yield path, secret.at


def _by_path(case: Case) -> dict[str, list[LeaseLife]]:
    found: dict[str, list[LeaseLife]] = defaultdict(list)
    for life in case.leases:
        found[life.act.path].append(life)
    return found


def unrevoked(case: Case) -> Iterator[Violation]:
    """N10: a revocation was owed, its time had come, and it was not done."""
    lives = {life.id: life for life in case.leases}
    for lease, (due, why) in sorted(_owed(case, lives).items()):
        late = due + case.bounds.grace
        life = lives[lease]
        if late <= case.evidence.ended and min(life.end, life.revoked) > late:
            what = f"{lease} should have been revoked at {due:.3f} s: {why}"
            yield Violation(Invariant.REVOCATIONS, what, (str(life.act),))


def _owed(case: Case, lives: dict[str, LeaseLife]) -> dict[str, tuple[float, str]]:
    """Return for each lease that has to go when and why; the first reason counts."""
    owed: dict[str, tuple[float, str]] = {}
    for ref in case.resources.refs:
        for lease, due, why in (*_pending(case, ref), *_left_behind(case, ref, lives)):
            if lease in lives and due < owed.get(lease, (math.inf, ""))[0]:
                owed[lease] = (due, why)
    return owed


def _pending(case: Case, ref: Ref) -> Iterator[tuple[str, float, str]]:
    """Yield what a status says it owes."""
    for seen in case.resources.of(ref):
        for entry in seen.status.get("pendingRevocations") or ():
            due = datetime.fromisoformat(entry["dueTime"]).timestamp()
            yield entry["leaseID"], due - case.evidence.epoch, f"{ref} says so"


def _left_behind(
    case: Case, ref: Ref, lives: dict[str, LeaseLife]
) -> Iterator[tuple[str, float, str]]:
    """Yield what a resource that revokes does not name any more, or left at its end.

    A lease that leaves a living status without a word is no longer on record, which
    N3 tells; certificates have no record but this one.
    """
    for before, after in pairwise(case.resources.of(ref)):
        if not before.spec.get("revoke"):
            continue
        for lease in filter(before.names_in_status, lives):
            reason = _why_it_goes(ref, lease, after)
            if reason:
                yield lease, after.at, reason


def _why_it_goes(ref: Ref, lease: str, after: ResourceSeen) -> str:
    """Return why a lease has to go that a resource named until `after`; "" if not."""
    if after.gone:
        return f"{ref} was deleted"
    if ref.kind == PKI and not after.names_in_status(lease):
        return f"{ref} has another one"
    return ""
