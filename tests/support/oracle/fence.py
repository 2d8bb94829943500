"""N9: who does not hold the lease of the election writes nothing.

A process is known by its token, and when it holds the lease by its own writes to
it: from the first that landed until as long after the last as the lease lasts, or
until it gives it back. A write belongs to the moment at which it reaches the proxy,
which is later than the check that let it go; the controller keeps a margin for that.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.oracle.acts import Act, KubeAct
from tests.support.oracle.case import Case
from tests.support.oracle.report import Invariant, Violation

_UNFENCED = frozenset({"leases", "serviceaccounts"})
"""The election itself, and tokens: twice does no harm."""


@dataclass(slots=True)
class _Term:
    """A time for which one process may write. Seconds."""

    start: float
    end: float


def unfenced(case: Case) -> Iterator[Violation]:
    """N9: a write outside every term of its process, an issue outside every term.

    At Vault processes cannot be told apart, so what is issued there is held against
    the terms of all.
    """
    terms = _terms(case)
    if not terms:
        return  # there was no election to lose
    for act in case.evidence.kube_acts:
        fenced = act.target is not None and act.target.plural not in _UNFENCED
        if fenced and not act_is_covered(act, terms.get(act.who, [])):
            yield _violation(
                "a write of a process without the lease", act, terms.get(act.who, [])
            )
    all_terms = [term for each in terms.values() for term in each]
    for issue in case.evidence.vault_acts:
        if issue.issued is not None and not act_is_covered(issue, all_terms):
            what = "a credential was issued while nobody led"
            yield _violation(what, issue, all_terms)


def act_is_covered(act: Act, terms: list[_Term]) -> bool:
    """Whether an act came within one of the terms."""
    return any(term.start <= act.at <= term.end for term in terms)


def _violation(what: str, act: Act, terms: list[_Term]) -> Violation:
    near = sorted(terms, key=lambda term: abs(term.end - act.at))[:1]
    held = [f"held from {term.start:.3f} s to {term.end:.3f} s" for term in near]
    return Violation(Invariant.FENCE, what, (str(act), *held))


def _terms(case: Case) -> dict[str, list[_Term]]:
    terms: dict[str, list[_Term]] = defaultdict(list)
    for act in case.evidence.kube_acts:
        if act.claim is not None and (act.landed or act.in_doubt):
            _extend(terms[act.who], act)
    return {who: each for who, each in terms.items() if each}


def _extend(terms: list[_Term], act: KubeAct) -> None:
    claim = act.claim
    if claim is None:
        return
    last = terms[-1] if terms else _Term(-math.inf, -math.inf)
    if not claim.holder:
        # It writes no more once it has asked to be rid of the lease.
        last.end = min(last.end, act.at)
    elif act.at <= last.end:
        last.end = max(last.end, act.at + claim.seconds)
    elif act.landed:
        terms.append(_Term(act.at, act.at + claim.seconds))
