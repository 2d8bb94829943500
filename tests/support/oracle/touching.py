"""N7: nothing foreign is touched.

It has two sides. The controller writes to its own objects alone: statuses of its
kinds, the Secrets that resources name, those that hold its key and its sessions, tokens
of the accounts that VaultAuths name, the workloads that are to be restarted, Events and
the lease of its election. And what others changed in these it does not overwrite: every
change names the version it was made from, for the server to compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.support.oracle.acts import KubeAct
from tests.support.oracle.case import Case
from tests.support.oracle.claims import (
    AUTH,
    AUTH_GLOBAL,
    destination_of,
    restart_targets,
)
from tests.support.oracle.kubefacts import WORKLOADS
from tests.support.oracle.kubepaths import ObjectPath
from tests.support.oracle.records import Ref, ResourceSeen, SecretSeen
from tests.support.oracle.report import Invariant, Violation

GROUP = "secrets.hashicorp.com"
_CHANGES = frozenset({"PUT", "PATCH", "DELETE"})
_NO_VERSION_NEEDED = frozenset({"events"})  # a count in an Event is nobody else's


def touched(case: Case) -> Iterator[Violation]:
    """N7: a write that landed on a foreign object, or on an unseen version."""
    for act in case.evidence.kube_acts:
        target = act.target
        if not act.landed or target is None:
            continue
        complaint = _complaint_about(case, act, target)
        if complaint:
            what = f"{act.head.method} {target}: {complaint}"
            yield Violation(Invariant.NOTHING_FOREIGN, what, (str(act),))


def _complaint_about(case: Case, act: KubeAct, target: ObjectPath) -> str:
    complaint = _why_foreign(case, act, target)
    if complaint or act.head.method not in _CHANGES:
        return complaint
    if act.base_version is None and target.plural not in _NO_VERSION_NEEDED:
        return "it overwrites whatever version there is"
    return ""


def _why_foreign(case: Case, act: KubeAct, target: ObjectPath) -> str:
    """Return why an object is none of the controller's business, "" if it is."""
    match target.group, target.plural:
        case ("" | "events.k8s.io", "events"):
            return ""
        case ("coordination.k8s.io", "leases"):
            return _why_foreign_lease(case, target)
        case ("", "serviceaccounts"):
            return _why_foreign_account(case, target)
        case ("", "secrets"):
            return _why_foreign_secret(case, act, target)
        case (_, plural) if plural in WORKLOADS:
            return _why_foreign_workload(case, target)
        case (group, _):
            return "" if group == GROUP else "this is no object of ours"


def _why_foreign_lease(case: Case, target: ObjectPath) -> str:
    known = target.name in case.bounds.election_leases
    return "" if known else "this is not the lease of our election"


def _why_foreign_account(case: Case, target: ObjectPath) -> str:
    named = target.subresource == "token" and any(
        _names(one.spec, "serviceAccount", target.name)
        for one in case.evidence.resources
        if one.ref.kind in {AUTH, AUTH_GLOBAL}
    )
    return "" if named else "no VaultAuth or VaultAuthGlobal names this account"


def _why_foreign_workload(case: Case, target: ObjectPath) -> str:
    workload = Ref(WORKLOADS[target.plural], target.namespace, target.name)
    named = any(workload in restart_targets(one) for one in case.evidence.resources)
    return "" if named else "no resource names this workload"


def _why_foreign_secret(case: Case, act: KubeAct, target: ObjectPath) -> str:
    if target.name in case.bounds.own_secrets:
        return "" if act.head.method == "POST" else "others depend on what it holds"
    if target.name.startswith(case.bounds.kept_secrets):
        return ""
    ref = Ref("Secret", target.namespace, target.name)
    claims = list(case.claims_to(ref))
    if not claims:
        return "no resource names this Secret"
    before = _before(case, act, ref)
    if before is None or act.head.method == "POST":
        return ""
    owners = {claim.uid for claim in claims}
    if before.owners & owners or any(map(_may_take, claims)):
        return ""
    return "it is somebody else's, and no resource may take it over"


def _before(case: Case, act: KubeAct, ref: Ref) -> SecretSeen | None:
    """Return the Secret that the act met. A deletion answers with no version."""
    if act.version is not None:
        return case.secrets.before(ref, act.version)
    if act.base_version is not None:
        return case.secrets.before(ref, int(act.base_version) + 1)
    return None


def _may_take(claim: ResourceSeen) -> bool:
    """Whether the spec lets the controller write to a Secret that is not its own."""
    destination = destination_of(claim)
    return destination is not None and (destination.overwrite or not destination.create)


def _names(document: object, field: str, name: str) -> bool:
    match document:
        case Mapping():
            return bool(document.get(field) == name) or any(
                _names(value, field, name) for value in document.values()
            )
        case _:
            return False
