"""N14: nothing is written when nothing changed."""

from __future__ import annotations

from tests.support.oracle.evidence import Evidence
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    SECRETS,
    STATIC,
    STATUS,
    found,
    ready,
    resource,
    with_acts,
    with_resources,
    write,
)


def idle(run: Evidence) -> list[str]:
    return found(Invariant.NO_IDLE_WRITES, run)


def test_write_that_the_server_had_no_need_to_store_is_idle() -> None:
    again = write(9.0, "PATCH", STATUS, base=12, version=12)

    assert idle(with_acts(STATIC, again)) == [
        "PATCH vaultstaticsecrets/team/app/status changed nothing"
    ]


def test_status_in_which_only_times_changed_is_idle() -> None:
    status = ready(lastSyncTime="2026-01-01T00:00:09Z")
    write_at_9 = write(9.0, "PATCH", STATUS, base=12, version=20)
    run = with_resources(STATIC, resource(9.0, 20, status=status))

    assert len(idle(with_acts(run, write_at_9))) == 1


def test_status_in_which_more_changed_is_not_idle() -> None:
    status = ready("False", reason="VaultSealed")
    write_at_9 = write(9.0, "PATCH", STATUS, base=12, version=20)
    run = with_resources(STATIC, resource(9.0, 20, status=status))

    assert not idle(with_acts(run, write_at_9))


def test_write_that_takes_the_last_finalizer_is_not_idle() -> None:
    path = STATUS.removesuffix("/status")
    let_go = write(9.0, "PATCH", path, base=12, version=12)
    status = write(9.0, "PATCH", STATUS, base=12, version=12)
    gone = with_resources(STATIC, resource(9.1, 21, gone=True))

    assert not idle(with_acts(gone, let_go))
    assert len(idle(with_acts(gone, status))) == 1
    assert len(idle(with_acts(STATIC, let_go))) == 1


def test_deletion_and_refused_write_are_not_idle() -> None:
    deleted = write(9.0, "DELETE", f"{SECRETS}/app-secret", base=13, version=13)
    refused = write(9.0, "PATCH", STATUS, base=12, version=12, status=409)

    assert not idle(with_acts(STATIC, deleted, refused))
