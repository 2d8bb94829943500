"""N1 and N12: what was due is done, and who is behind says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.oracle.evidence import Evidence
from tests.support.oracle.journal import Cause, ConditionExpected, Due
from tests.support.oracle.records import Ref, ResourceSeen
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    APP,
    NAMESPACE,
    NEW,
    OLD,
    SPEC,
    STATIC,
    found,
    probes,
    ready,
    resource,
    secret,
    with_resources,
    written,
)

REFUSED = ready("False", reason="InvalidSpec")
STUCK = replace(STATIC, secrets=(secret(2.1, 11, OLD),))
"""The second version never arrives."""
DUE_AT_LAST = replace(
    STUCK, journal=(written(1.0, 1, OLD), written(5.0, 2, NEW), Due(20.0, NAMESPACE))
)


def unconverged(run: Evidence) -> list[str]:
    return found(Invariant.CONVERGENCE, run)


def stalled(run: Evidence) -> list[str]:
    return found(Invariant.NO_SILENT_STALL, run)


def journaled(run: Evidence, *causes: Cause) -> Evidence:
    return replace(run, journal=(*causes, *run.journal))


def expecting(reason: str) -> ConditionExpected:
    return ConditionExpected(3.0, APP, "Ready", "False", reason)


def test_secret_with_an_old_value_is_not_converged() -> None:
    (complaint,) = unconverged(DUE_AT_LAST)

    assert complaint.endswith("app-secret holds version 1 and not version 2")


def test_missing_secret_is_not_converged() -> None:
    assert unconverged(replace(STATIC, secrets=()))


def test_value_may_be_old_until_a_refresh_was_due() -> None:
    early = (written(1.0, 1, OLD), written(5.0, 2, NEW), Due(5.9, NAMESPACE))

    assert not unconverged(replace(STUCK, journal=early))


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="no condition"),
        pytest.param(ready(generation=0), id="of another generation"),
        pytest.param(REFUSED, id="not ready"),
    ],
)
def test_resource_that_is_not_ready_is_not_converged(
    status: dict[str, object],
) -> None:
    resources = (resource(2.0, 10, status=status),)

    assert unconverged(replace(STATIC, resources=resources))


def test_failure_that_the_test_wants_is_in_order() -> None:
    refused = replace(STATIC, resources=(resource(2.0, 10, status=REFUSED),))

    assert not unconverged(journaled(refused, expecting("InvalidSpec")))
    assert unconverged(journaled(refused, expecting("VaultSealed")))


def test_resource_may_complain_of_what_is_gone() -> None:
    auth = ResourceSeen(
        at=1.0,
        ref=Ref("VaultAuth", NAMESPACE, "auth"),
        uid="uid-of-auth",
        version=5,
        generation=1,
        status=ready(),
    )
    spec = {**SPEC, "vaultAuthRef": "auth"}
    referring = resource(2.0, 10, spec=spec, status=REFUSED)
    refused = replace(STATIC, resources=(referring,))

    assert unconverged(with_resources(refused, auth))
    gone = replace(auth, at=4.0, gone=True)
    assert not unconverged(with_resources(refused, auth, gone))


def test_auth_may_complain_of_a_global_that_is_gone() -> None:
    settings = ResourceSeen(
        at=1.0,
        ref=Ref("VaultAuthGlobal", "shared", "default"),
        uid="uid-of-default",
        version=5,
        generation=1,
        status=ready(),
    )
    auth = resource(
        2.0,
        10,
        ref=Ref("VaultAuth", NAMESPACE, "auth"),
        spec={"vaultAuthGlobalRef": {"namespace": "shared", "name": "default"}},
        status=REFUSED,
    )
    refused = replace(STATIC, resources=(auth,))

    assert unconverged(with_resources(refused, settings))
    gone = replace(settings, at=4.0, gone=True)
    assert not unconverged(with_resources(refused, settings, gone))


def test_other_namespaces_are_not_due() -> None:
    elsewhere = replace(STATIC, secrets=(), journal=(Due(8.0, "elsewhere"),))

    assert not unconverged(elsewhere)


def test_pinned_version_is_the_one_that_counts() -> None:
    pinned = {**SPEC, "version": 1}
    resources = (resource(2.0, 10, spec=pinned, status=ready()),)

    assert unconverged(replace(STATIC, resources=resources))
    assert not unconverged(replace(DUE_AT_LAST, resources=resources))


def test_overdue_value_under_a_good_probe_is_a_silent_stall() -> None:
    (complaint,) = stalled(STUCK)

    assert "is silent at 16.000 s" in complaint


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(replace(STUCK, readiness=probes(30, ready=False)), id="probe"),
        pytest.param(replace(STUCK, readiness=()), id="nobody runs"),
        pytest.param(
            with_resources(STUCK, resource(9.0, 20, status=REFUSED)), id="condition"
        ),
        pytest.param(
            with_resources(STUCK, resource(9.0, 20, gone=True)), id="it is gone"
        ),
        pytest.param(STATIC, id="nothing is overdue"),
    ],
)
def test_who_is_behind_and_says_so_is_no_silent_stall(told: Evidence) -> None:
    assert not stalled(told)


def test_generation_that_nobody_looks_at_is_a_silent_stall() -> None:
    edited = resource(9.0, 20, generation=2, status=ready(generation=1))
    seen = resource(12.0, 21, generation=2, status=ready(generation=2))

    assert stalled(with_resources(STATIC, edited)) == [
        f"no condition of {APP} speaks of generation 2"
    ]
    assert not stalled(with_resources(STATIC, edited, seen))


def test_resource_that_was_made_anew_is_looked_at_anew() -> None:
    deleted = resource(9.0, 20, gone=True)
    anew = replace(resource(9.1, 21), uid="another")

    assert stalled(with_resources(STATIC, deleted, anew)) == [
        f"no condition of {APP} speaks of generation 1"
    ]
