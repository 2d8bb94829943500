"""N3 and N4: leases are on record until they end, and none ends in use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.oracle.acts import Issued, VaultAct
from tests.support.oracle.evidence import Evidence
from tests.support.oracle.journal import LeaseEnded
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    CREDENTIAL,
    DYNAMIC,
    LEASE_ID,
    TOKEN,
    database,
    found,
    in_order,
    issue,
    leased,
    login,
    renewal,
    revocation,
    secret,
    vault,
    with_resources,
    with_secrets,
    with_vault,
)

LOST = "database/creds/app/lost"
LOST_ISSUE = issue(3.0, lease=LOST, items={"password": "hash-of-lost"})
NOT_RENEWED = replace(DYNAMIC, vault_acts=(login(1.9), issue(2.0)))
"""The lease ends at 22 s, and the Secret holds it until the run ends at 30 s."""


def orphaned(run: Evidence) -> list[str]:
    return found(Invariant.NO_ORPHANS, run)


def expired(run: Evidence) -> list[str]:
    return found(Invariant.NO_EXPIRY_IN_USE, run)


def of_run(*acts: VaultAct) -> Evidence:
    return replace(DYNAMIC, vault_acts=in_order(acts))


def test_lease_that_no_status_ever_named_is_an_orphan() -> None:
    assert orphaned(with_vault(DYNAMIC, LOST_ISSUE)) == [
        f"lease {LOST} is in no status from 3.000 to 23.000 s"
    ]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(revocation(4.0, lease=LOST), id="revoked"),
        pytest.param(
            vault(4.0, "PUT", "sys/leases/revoke-prefix/x", revoked_prefix="database/"),
            id="with its prefix",
        ),
        pytest.param(
            vault(4.0, "PUT", "auth/token/revoke-self", ends_token=True),
            id="with its token",
        ),
    ],
)
def test_lease_that_was_revoked_is_no_orphan(end: VaultAct) -> None:
    assert not orphaned(with_vault(DYNAMIC, LOST_ISSUE, end))


def test_lease_that_is_still_to_be_revoked_is_no_orphan() -> None:
    pending = leased(LEASE_ID, pendingRevocations=[{"leaseID": LOST, "dueTime": DUE}])
    recorded = database(3.5, 20, status=pending)

    assert not orphaned(with_resources(with_vault(DYNAMIC, LOST_ISSUE), recorded))


DUE = "1970-01-01T00:00:20Z"


def test_lease_that_falls_off_the_record_is_an_orphan() -> None:
    assert orphaned(with_resources(DYNAMIC, database(9.0, 20, status=leased("new"))))


def test_lease_of_a_resource_that_went_is_an_orphan() -> None:
    assert orphaned(with_resources(DYNAMIC, database(9.0, 20, gone=True)))


def test_lease_that_ends_within_the_grace_needs_no_record() -> None:
    assert not orphaned(with_vault(DYNAMIC, replace(LOST_ISSUE, at=29, answered=29)))


def test_certificate_needs_no_record() -> None:
    certificate = Issued("7a:01", 20.0, {}, is_certificate=True)

    assert not orphaned(with_vault(DYNAMIC, replace(LOST_ISSUE, issued=certificate)))


def test_lease_that_vault_holds_in_the_end_and_nobody_names_is_an_orphan() -> None:
    held = frozenset({LEASE_ID, LOST})

    assert orphaned(replace(DYNAMIC, leases_held=held)) == [
        f"Vault holds lease {LOST}, which no status names"
    ]
    assert not orphaned(replace(DYNAMIC, leases_held=frozenset({LEASE_ID})))


def test_lease_that_was_not_renewed_expires_in_use() -> None:
    assert expired(NOT_RENEWED) == [
        f"Secret team/app-secret held {LEASE_ID} until 30.000 s, "
        "which had ended at 22.000 s"
    ]


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param((login(1.9), issue(2.0), revocation(9.0)), id="revoked"),
        pytest.param(
            (login(1.9, seconds=10), issue(2.0), renewal(15.0)), id="token expired"
        ),
        pytest.param(
            (
                login(1.9),
                issue(2.0),
                vault(9.0, "PUT", "auth/token/revoke-self", ends_token=True),
            ),
            id="token revoked",
        ),
    ],
)
def test_lease_in_use_may_end_in_no_way(acts: tuple[VaultAct, ...]) -> None:
    assert len(expired(of_run(*acts))) == 1


def test_secret_whose_owner_is_gone_is_not_in_use() -> None:
    gone = database(9.1, 31, gone=True)
    run = of_run(login(1.9), issue(2.0), revocation(9.0))

    assert not expired(with_resources(run, gone))
    late = replace(gone, at=25.0)
    assert len(expired(with_resources(run, late))) == 1


def test_renewal_of_the_token_keeps_its_leases() -> None:
    renewed = replace(login(8.0), who=TOKEN, path="auth/token/renew-self")

    assert not expired(of_run(login(1.9, seconds=10), issue(2.0), renewed, renewal(15)))


def test_secret_that_was_changed_in_time_used_nothing_expired() -> None:
    changed = secret(20.0, 30, {"password": "hash-of-next"})

    assert not expired(with_secrets(NOT_RENEWED, changed))


def test_what_the_test_ended_has_to_be_found_out_first() -> None:
    ended = (LeaseEnded(9.0, LEASE_ID),)

    assert not expired(replace(DYNAMIC, journal=ended))


def test_values_that_credentials_share_tell_nothing() -> None:
    shared = {**CREDENTIAL, "password": "hash-of-other"}
    other = issue(3.0, lease=LOST, items=shared, seconds=1.0)

    assert not expired(with_vault(DYNAMIC, other))
