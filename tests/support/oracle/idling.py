"""N14: nothing is written when nothing changed.

The fault matrix has no number for it; it is the first rule of the architecture, and
what an idle cluster costs. A write is idle when the server found nothing to store,
or when it changed nothing but times in a status. What ended the object changed that:
a server gives no new version to what is gone with its last finalizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from itertools import pairwise

from tests.support.oracle.acts import KubeAct
from tests.support.oracle.case import Case
from tests.support.oracle.kubepaths import ObjectPath
from tests.support.oracle.records import ResourceSeen
from tests.support.oracle.report import Invariant, Violation

_CHANGES = frozenset({"PUT", "PATCH"})
_Version = tuple[str, str, int]
"""Namespace and name of an object, and its version: no two objects share one."""


def idle(case: Case) -> Iterator[Violation]:
    """N14: a write after which the object was the same, times in its status aside."""
    versions: dict[_Version, ResourceSeen] = {
        (seen.ref.namespace, seen.ref.name, seen.version): seen
        for seen in case.evidence.resources
        if not seen.gone
    }
    last: set[_Version] = {
        (seen.ref.namespace, seen.ref.name, seen.version)
        for ref in case.resources.refs
        for seen, after in pairwise(case.resources.of(ref))
        if after.gone and not seen.gone
    }
    for act in case.evidence.kube_acts:
        is_change = act.landed and act.head.method in _CHANGES
        if not is_change or act.target is None or act.base_version is None:
            continue
        if _ends(act, act.target, last):
            continue
        if _is_idle(act, act.target, versions):
            what = f"{act.head.method} {act.target} changed nothing"
            yield Violation(Invariant.NO_IDLE_WRITES, what, (str(act),))


def _ends(act: KubeAct, target: ObjectPath, last: Set[_Version]) -> bool:
    """Whether a write to an object, and not to its status, met its last version."""
    met = (target.namespace, target.name, int(act.base_version or 0))
    return not target.subresource and met in last


def _is_idle(
    act: KubeAct,
    target: ObjectPath,
    versions: Mapping[_Version, ResourceSeen],
) -> bool:
    if str(act.version) == act.base_version:
        return True  # the server found nothing to store
    if act.version is None or target.subresource != "status":
        return False
    where = (target.namespace, target.name)
    after = versions.get((*where, act.version))
    before = versions.get((*where, int(act.base_version or 0)))
    if after is None or before is None:
        return False
    return _timeless(after.status) == _timeless(before.status)


def _timeless(document: object) -> object:
    """Return a status without what only tells when."""
    match document:
        case Mapping():
            return {
                key: _timeless(value)
                for key, value in document.items()
                if not key.endswith("Time")
            }
        case list():
            return [_timeless(value) for value in document]
        case _:
            return document
