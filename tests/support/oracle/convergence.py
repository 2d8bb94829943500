"""N1: what was due is done. N12: who is behind does not say that all is well."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.oracle.case import Case
from tests.support.oracle.claims import (
    dependencies_of,
    destination_of,
    period_of,
    pinned_version,
    source_of,
)
from tests.support.oracle.journal import ConditionExpected, Due, ValueWritten
from tests.support.oracle.records import ResourceSeen, SecretSeen
from tests.support.oracle.report import Invariant, Violation

_NEAR = 2.0  # seconds between an overdue object and the probe that speaks of it


def unconverged(case: Case) -> Iterator[Violation]:
    """N1: a resource that was not in order when its namespace had to be.

    In order is who is ready and has a Secret that Vault may have meant; or who says
    that it is not, where the test expects just that or what it refers to is gone.
    """
    for due in case.causes(Due):
        for resource in case.resources.alive(due.at):
            if resource.ref.namespace != due.namespace:
                continue
            complaint = complaint_about(case, resource, due.at)
            if complaint:
                what = f"{resource.ref} was due at {due.at:.3f} s: {complaint}"
                yield Violation(Invariant.CONVERGENCE, what, (str(resource),))


def complaint_about(case: Case, resource: ResourceSeen, when: float) -> str:
    """Return what is not in order about a resource at a time, "" for nothing."""
    ready = resource.conditions.get("Ready")
    if ready is None or ready.observed_generation != resource.generation:
        return "its condition Ready does not speak of this generation"
    if ready.status == "True":
        return _complaint_about_secret(case, resource, when)
    expected = _expected_of(case, resource, when)
    if expected is not None and expected.reason == ready.reason:
        return ""
    needed = dependencies_of(resource)
    if any(case.resources.at(each, when) is None for each in needed):
        return ""
    return f"it is not ready: {ready.reason}"


def stalled(case: Case) -> Iterator[Violation]:
    """N12: something is overdue, and neither a condition nor a probe says so."""
    yield from _stalled_values(case)
    yield from _unseen_generations(case)


def _stalled_values(case: Case) -> Iterator[Violation]:
    for written in case.causes(ValueWritten):
        for resource in case.resources.alive(written.at):
            if source_of(resource) != written.source or pinned_version(resource):
                continue
            due = written.at + period_of(resource) + case.bounds.deadline
            now = case.resources.at(resource.ref, due)
            if now is None or now.generation != resource.generation or _told(now):
                continue
            complaint = _complaint_about_secret(case, now, due)
            if complaint and _said_ready(case, due):
                what = f"{resource.ref} is silent at {due:.3f} s: {complaint}"
                evidence = (str(written), str(now), "readyz said ok")
                yield Violation(Invariant.NO_SILENT_STALL, what, evidence)


def _unseen_generations(case: Case) -> Iterator[Violation]:
    for ref in case.resources.refs:
        newest = (0, "")  # generation and uid
        for span in case.resources.spans(ref):
            generation = (span.seen.generation, span.seen.uid)
            if generation == newest:
                continue
            newest = generation
            due = span.start + case.bounds.deadline
            now = case.resources.at(ref, due)
            if now is None or (now.generation, now.uid) != newest or _knows(now):
                continue
            if _said_ready(case, due):
                what = f"no condition of {ref} speaks of generation {newest[0]}"
                evidence = (str(span.seen), f"{due:.3f} s: readyz said ok")
                yield Violation(Invariant.NO_SILENT_STALL, what, evidence)


def _complaint_about_secret(case: Case, resource: ResourceSeen, when: float) -> str:
    source, destination = source_of(resource), destination_of(resource)
    versions = [] if source is None else case.written.get(source, [])
    if destination is None or not versions:
        return ""
    secret = case.secrets.at(destination.secret, when)
    if secret is None:
        return f"there is no {destination.secret}"
    wanted = _acceptable(resource, versions, when)
    if not wanted or any(each.items == secret.items for each in wanted):
        return ""
    return f"{_what_it_holds(secret, versions)} and not {_numbers(wanted)}"


def _acceptable(
    resource: ResourceSeen, versions: list[ValueWritten], when: float
) -> list[ValueWritten]:
    """Return the versions that the Secret may hold: the newest that had to be seen
    by now, and those that came since."""
    pinned = pinned_version(resource)
    if pinned:
        return [each for each in versions if each.version == pinned]
    known = [each for each in versions if each.at <= when]
    overdue = [each for each in known if each.at <= when - period_of(resource)]
    return known[max(len(overdue) - 1, 0) :]


def _what_it_holds(secret: SecretSeen, versions: list[ValueWritten]) -> str:
    held = [each for each in versions if each.items == secret.items]
    return f"{secret.ref} holds {_numbers(held) or 'no version that was written'}"


def _numbers(versions: list[ValueWritten]) -> str:
    return " or ".join(f"version {each.version}" for each in versions)


def _expected_of(
    case: Case, resource: ResourceSeen, when: float
) -> ConditionExpected | None:
    expected = [
        each
        for each in case.causes(ConditionExpected)
        if each.ref == resource.ref and each.type == "Ready" and each.at <= when
    ]
    return expected[-1] if expected and expected[-1].status == "False" else None


def _told(resource: ResourceSeen) -> bool:
    """Whether a condition says that not all is well."""
    conditions = resource.conditions
    return any(
        conditions[each].status == "False"
        for each in ("Ready", "Healthy")
        if each in conditions
    )


def _knows(resource: ResourceSeen) -> bool:
    return any(
        each.observed_generation == resource.generation
        for each in resource.conditions.values()
    )


def _said_ready(case: Case, when: float) -> bool:
    """Whether a process answered its probe about then, and each that did said ok."""
    near = [
        seen.ready for seen in case.evidence.readiness if abs(seen.at - when) <= _NEAR
    ]
    return bool(near) and all(near)
