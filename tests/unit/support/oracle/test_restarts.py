"""N8: a workload is restarted once for each change."""

from __future__ import annotations

from dataclasses import replace

from tests.support.oracle.acts import KubeAct
from tests.support.oracle.evidence import Evidence
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    NAMESPACE,
    NEW,
    OLD,
    SECRETS,
    SPEC,
    STATIC,
    found,
    resource,
    secret,
    with_acts,
    with_secrets,
    write,
)

WORKLOAD = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"
TARGETS = [{"kind": "Deployment", "name": "web"}]
WORLD = replace(
    STATIC,
    resources=(resource(2.0, 10, spec={**SPEC, "rolloutRestartTargets": TARGETS}),),
)
"""One creation and one change of a Secret that a Deployment depends on."""


def restart(at: float, *, status: int = 200) -> KubeAct:
    return write(at, "PATCH", WORKLOAD, base=1, version=2, restarts=True, status=status)


def miscounted(run: Evidence) -> list[str]:
    return found(Invariant.ONE_RESTART, run)


def test_one_restart_for_one_change_is_right() -> None:
    assert not miscounted(with_acts(WORLD, restart(5.6)))


def test_missing_restart_is_told() -> None:
    assert miscounted(WORLD) == [
        "Deployment team/web was restarted 0 times for 1 changes"
    ]


def test_second_restart_is_told() -> None:
    assert miscounted(with_acts(WORLD, restart(5.6), restart(5.7)))


def test_refused_restart_does_not_count() -> None:
    assert miscounted(with_acts(WORLD, restart(5.6, status=409)))


def test_change_of_a_moment_ago_may_still_wait_for_its_restart() -> None:
    assert not miscounted(replace(WORLD, ended=6.0))


def test_repair_of_a_secret_may_restart_once() -> None:
    repaired = with_acts(
        with_secrets(WORLD, secret(9.0, 20, OLD), secret(9.1, 21, NEW)),
        write(9.1, "PATCH", f"{SECRETS}/app-secret", base=20, version=21, items=NEW),
        restart(5.6),
    )

    assert not miscounted(repaired)
    assert not miscounted(with_acts(repaired, restart(9.2)))
    assert miscounted(with_acts(repaired, restart(9.2), restart(9.3)))
