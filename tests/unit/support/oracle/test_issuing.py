"""N5 and N10: as many credentials as causes, and what is owed is revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.oracle.acts import Issued
from tests.support.oracle.evidence import Evidence
from tests.support.oracle.journal import CredentialWanted, LeaseEnded
from tests.support.oracle.records import Ref
from tests.support.oracle.report import Invariant
from tests.support.requestlog import RequestLog
from tests.unit.support.oracle.runs import (
    CREDENTIAL,
    DYNAMIC,
    LEASE_ID,
    NAMESPACE,
    database,
    exchange,
    found,
    issue,
    leased,
    revocation,
    secret,
    vault,
    with_resources,
    with_secrets,
    with_vault,
)

SECOND = issue(8.0, lease="database/creds/app/2")
AGAIN = with_vault(DYNAMIC, SECOND)
"""Another credential, 6 s into the 33 s of the first one."""
SERIAL = "7a:01"
CERTIFICATE = Ref("VaultPKISecret", NAMESPACE, "tls")


def surplus(run: Evidence) -> list[str]:
    return found(Invariant.NO_SURPLUS, run)


def unrevoked(run: Evidence) -> list[str]:
    return found(Invariant.REVOCATIONS, run)


def test_second_credential_without_a_cause_is_surplus() -> None:
    assert surplus(AGAIN) == [
        "database/creds/app/2 was issued at database/creds/app without a cause"
    ]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(
            with_resources(AGAIN, database(7.9, 20, generation=2)), id="new generation"
        ),
        pytest.param(
            with_resources(
                AGAIN, database(7.9, 20, ref=Ref("VaultDynamicSecret", "b", "b"))
            ),
            id="another resource",
        ),
        pytest.param(
            with_secrets(AGAIN, secret(7.9, 20, {"password": "tampered"})),
            id="secret edited by hand",
        ),
        pytest.param(
            with_secrets(AGAIN, secret(7.9, 20, {}, gone=True)), id="secret deleted"
        ),
        pytest.param(
            replace(AGAIN, journal=(LeaseEnded(7.9, LEASE_ID),)),
            id="lease ended by the test",
        ),
        pytest.param(
            replace(AGAIN, journal=(CredentialWanted(7.0, SECOND.path, "told so"),)),
            id="the journal says so",
        ),
        pytest.param(
            replace(
                AGAIN,
                vault_log=RequestLog(
                    [exchange(DYNAMIC.vault_acts[1].head, 2.0, failure="swallowed")]
                ),
            ),
            id="the first answer was lost",
        ),
    ],
)
def test_each_cause_is_good_for_one_credential(run: Evidence) -> None:
    third = issue(8.5, lease="database/creds/app/3")

    assert not surplus(run)
    assert len(surplus(with_vault(run, third))) == 1


def test_credential_that_is_nearly_spent_may_be_replaced() -> None:
    late = issue(22.0, lease="database/creds/app/2")

    assert not surplus(with_vault(DYNAMIC, late))


def test_credential_is_no_cause_of_itself() -> None:
    short = issue(8.0, lease="database/creds/app/2", seconds=0.1)
    lost = RequestLog([exchange(short.head, 8.0, failure="swallowed")])

    assert surplus(replace(with_vault(DYNAMIC, short), vault_log=lost))


def test_revoked_credential_is_no_cause() -> None:
    """Who revokes and issues in turns would otherwise go unseen."""
    assert surplus(with_vault(AGAIN, revocation(7.0)))


def test_lease_of_a_deleted_resource_has_to_be_revoked() -> None:
    deleted = with_resources(DYNAMIC, database(9.0, 20, gone=True))

    assert unrevoked(deleted) == [
        f"{LEASE_ID} should have been revoked at 9.000 s: "
        "VaultDynamicSecret team/db was deleted"
    ]
    assert not unrevoked(with_vault(deleted, revocation(10.0)))


def test_who_does_not_revoke_owes_nothing() -> None:
    spec = {"mount": "database", "path": "creds/app", "revoke": False}
    kept = replace(
        DYNAMIC,
        resources=(
            database(2.1, 11, spec=spec, status=leased(LEASE_ID)),
            database(9.0, 20, spec=spec, gone=True),
        ),
    )

    assert not unrevoked(kept)


def test_what_a_status_owes_has_to_be_revoked_in_time() -> None:
    entry = {"leaseID": LEASE_ID, "dueTime": "1970-01-01T00:00:20Z"}
    status = leased("database/creds/app/2", pendingRevocations=[entry])
    owing = with_resources(AGAIN, database(8.1, 20, status=status))

    assert len(unrevoked(owing)) == 1
    assert not unrevoked(with_vault(owing, revocation(21.0)))
    assert not unrevoked(replace(owing, ended=24.0)), "it is not late yet"


def test_replaced_certificate_has_to_be_revoked() -> None:
    issued = Issued(SERIAL, 100.0, CREDENTIAL, is_certificate=True)
    first = database(2.1, 11, ref=CERTIFICATE, status={"serialNumber": SERIAL})
    replaced = database(9.0, 20, ref=CERTIFICATE, status={"serialNumber": "7a:02"})
    run = replace(
        DYNAMIC,
        vault_acts=(vault(2.0, "PUT", "pki/issue/web", issued=issued),),
        resources=(first, replaced),
    )

    assert len(unrevoked(run)) == 1
    revoked = vault(9.1, "PUT", "pki/revoke", revoked=frozenset({SERIAL}))
    assert not unrevoked(with_vault(run, revoked))
