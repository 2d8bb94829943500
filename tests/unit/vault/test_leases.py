"""Leases, and credentials of any engine."""

from __future__ import annotations

from typing import Any

import pytest

from vso_controller.foundation.gojson import Number
from vso_controller.foundation.secret import Secret
from vso_controller.vault.engines.dynamic import question, read_issued
from vso_controller.vault.errors import NoData, NotVaultAnswer
from vso_controller.vault.leases import (
    GrantedLease,
    lookup_of,
    read_lease,
    renewal_of,
    revocation_of,
)
from vso_controller.vault.requests import Method, VaultReply

ISSUED: dict[str, Any] = {
    "request_id": "request",
    "lease_id": "aws/creds/app/1",
    "lease_duration": Number("3600"),
    "renewable": True,
    "data": {"access_key": "canary", "security_token": None},
}


def reply(document: dict[str, Any]) -> VaultReply:
    return VaultReply(status=200, document=Secret(document), request_id="request")


def test_answer_brings_data_and_its_lease() -> None:
    issued = read_issued(reply(ISSUED))

    assert issued.data == Secret(ISSUED["data"])
    assert issued.lease == GrantedLease("aws/creds/app/1", 3600, True, "request")


def test_answer_without_a_lease_has_none() -> None:
    issued = read_issued(reply({"data": {"token": "canary"}}))

    assert issued.lease == GrantedLease("", 0, False, "request")


def test_answer_without_data_issued_nothing() -> None:
    with pytest.raises(NoData):
        read_issued(reply({"data": None}))


@pytest.mark.parametrize(
    "changes",
    [
        {"lease_duration": "soon"},
        {"lease_duration": -1},
        {"lease_duration": 10**11},
        {"renewable": "canary"},
        {"lease_id": None},
    ],
    ids=str,
)
def test_lease_that_is_none_is_refused_without_its_words(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(NotVaultAnswer) as caught:
        read_lease(reply(ISSUED | changes))

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "params", "sent"),
    [
        ("", {}, (Method.GET, None)),
        ("GET", {}, (Method.GET, None)),
        ("PUT", {}, (Method.PUT, {})),
        ("POST", {}, (Method.PUT, {})),
        ("", {"ttl": "1h"}, (Method.PUT, {"ttl": "1h"})),
        ("GET", {"ttl": "1h"}, (Method.PUT, {"ttl": "1h"})),
    ],
)
def test_question_is_sent_as_upstream_does(
    method: str, params: dict[str, str], sent: tuple[Method, dict[str, str] | None]
) -> None:
    asked = question(mount="/team/aws/", path="creds/app", method=method, params=params)

    assert asked.path == ("team", "aws", "creds", "app")
    assert (asked.method, asked.body and asked.body.reveal()) == sent


def test_calls_about_leases_may_be_repeated_and_name_no_lease() -> None:
    calls = (
        renewal_of("canary-lease", increment=60, namespace="team"),
        revocation_of("canary-lease", namespace="team"),
        lookup_of("canary-lease", namespace="team"),
    )

    assert [each.path[-1] for each in calls] == ["renew", "revoke", "lookup"]
    for each in calls:
        assert each.repeatable
        assert each.namespace == "team"
        assert "canary" not in repr(each)
        assert "canary" not in each.title
