"""What the test did: the journal, and the engine that writes into it."""

from __future__ import annotations

import pytest

from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.journal import (
    ConditionExpected,
    CredentialWanted,
    Due,
    Journal,
    LeaseEnded,
    Source,
    ValueWritten,
)
from tests.unit.support.oracle.runs import APP, SOURCE

FINGERPRINTS = Fingerprints()


@pytest.fixture
def journal() -> Journal:
    times = iter(range(1, 10))
    return Journal(clock=lambda: float(next(times)), fingerprints=FINGERPRINTS)


def test_values_of_each_source_are_counted(journal: Journal) -> None:
    for source in (SOURCE, Source("secret", "other"), SOURCE):
        journal.value_written(source, {"password": "s3cret"})

    written = [each for each in journal.causes if isinstance(each, ValueWritten)]
    assert [(each.at, each.version) for each in written] == [(1, 1), (2, 1), (3, 2)]
    assert written[0].items == FINGERPRINTS.of_entry({"password": "s3cret"})
    assert "s3cret" not in repr(written)


def test_every_cause_is_kept_in_order(journal: Journal) -> None:
    journal.condition_expected(APP, condition="Ready", status="False", reason="Why")
    journal.due("team")
    journal.credential_wanted("database/creds/app", "told so")
    journal.lease_ended("one")

    assert journal.causes == (
        ConditionExpected(1, APP, "Ready", "False", "Why"),
        Due(2, "team"),
        CredentialWanted(3, "database/creds/app", "told so"),
        LeaseEnded(4, "one"),
    )
