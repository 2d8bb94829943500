"""N8: a workload is restarted once for each change of a Secret it depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.oracle.acts import KubeAct
from tests.support.oracle.case import Case
from tests.support.oracle.claims import restart_targets
from tests.support.oracle.fingerprints import Items
from tests.support.oracle.kubefacts import WORKLOADS
from tests.support.oracle.records import Ref, SecretSeen
from tests.support.oracle.report import Invariant, Violation


@dataclass(slots=True)
class _Account:
    """How often a workload had to be restarted."""

    changes: int = 0  # the Secret has new content: just once each
    repairs: int = 0  # somebody spoilt it and it is as before: once at most


def miscounted(case: Case) -> Iterator[Violation]:
    """N8: there were more restarts than causes, or fewer than changes."""
    restarts = _restarts(case)
    accounts = _accounts(case)
    for target in sorted(restarts.keys() | accounts.keys()):
        account, acts = accounts.get(target, _Account()), restarts.get(target, [])
        most = account.changes + account.repairs
        if account.changes <= len(acts) <= most:
            continue
        what = f"{target} was restarted {len(acts)} times for {account.changes} changes"
        yield Violation(Invariant.ONE_RESTART, what, tuple(map(str, acts)))


def _restarts(case: Case) -> dict[Ref, list[KubeAct]]:
    found: dict[Ref, list[KubeAct]] = defaultdict(list)
    for act in case.evidence.kube_acts:
        if act.restarts and act.landed and act.target is not None:
            kind = WORKLOADS[act.target.plural]
            found[Ref(kind, act.target.namespace, act.target.name)].append(act)
    return found


def _accounts(case: Case) -> dict[Ref, _Account]:
    accounts: dict[Ref, _Account] = defaultdict(_Account)
    for ref in case.secrets.refs:
        content: Items | None = None  # None: the first one changes nothing
        for seen in case.secrets.of(ref):
            if seen.gone or not case.is_ours(seen) or _is_new(case, seen):
                continue
            for target in _targets(case, seen):
                account = accounts[target]
                account.changes += content is not None and content != seen.items
                account.repairs += content == seen.items
            content = seen.items
    return accounts


def _is_new(case: Case, seen: SecretSeen) -> bool:
    """Whether the change is too recent for its restart to have come."""
    return seen.at + case.bounds.grace > case.evidence.ended


def _targets(case: Case, seen: SecretSeen) -> frozenset[Ref]:
    claims = case.claims_at(seen.ref, seen.at)
    return frozenset(target for claim in claims for target in restart_targets(claim))
