"""What the content of an exchange says: writes to Kubernetes, requests to Vault."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import pytest

from tests.support.oracle.acts import Granted, Issued, LeaseClaim, VaultAct
from tests.support.oracle.fingerprints import Fingerprints
from tests.support.oracle.heard import Heard
from tests.support.oracle.kubefacts import KubeFacts
from tests.support.oracle.kubepaths import ObjectPath, parse_path
from tests.support.oracle.vaultfacts import VaultFacts
from tests.unit.support.oracle.runs import LEASE, LEASE_ID, SECRETS, head

FINGERPRINTS = Fingerprints(b"a key of this test")
KUBE = KubeFacts(FINGERPRINTS)
VAULT = VaultFacts(FINGERPRINTS, now=lambda: 1000.0)
ME = "hash-of-my-token"
WORKLOAD = "/apis/apps/v1/namespaces/team/deployments/web"


def heard(
    method: str,
    path: str,
    *,
    asked: object = None,
    told: object = None,
    status: int | None = 200,
) -> Heard:
    return Heard(
        head=head(method, path),
        who=ME,
        at=1.0,
        request=b"" if asked is None else json.dumps(asked).encode(),
        status=status,
        answer=b"" if told is None else json.dumps(told).encode(),
        answered=1.1,
    )


def vault(path: str, *, asked: object = None, told: object = None) -> VaultAct:
    return VAULT.read(heard("PUT", f"/v1/{path}", asked=asked, told=told))


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/secrets", ObjectPath("", "", "secrets")),
        ("/api/v1/namespaces/a", ObjectPath("", "", "namespaces", "a")),
        (
            "/api/v1/namespaces/a/status",
            ObjectPath("", "", "namespaces", "a", "status"),
        ),
        ("/api/v1/namespaces/a/secrets/b%20c", ObjectPath("", "a", "secrets", "b c")),
        (
            "/apis/g/v1/namespaces/a/things/b/status",
            ObjectPath("g", "a", "things", "b", "status"),
        ),
        ("/healthz", None),
        ("/apis/g/v1/namespaces/a/things/b/c/d", None),
    ],
)
def test_path_names_its_object(path: str, target: ObjectPath | None) -> None:
    assert parse_path(path) == target


def test_patch_of_a_secret_says_what_it_sets_and_on_which_version() -> None:
    asked = {
        "metadata": {"resourceVersion": "41"},
        "data": {"password": base64.b64encode(b"s3cret").decode(), "old": None},
    }
    told = {"metadata": {"name": "app", "resourceVersion": "42"}}

    act = KUBE.read(heard("PATCH", f"{SECRETS}/app", asked=asked, told=told))

    assert (act.base_version, act.version) == ("41", 42)
    assert act.items == {"password": FINGERPRINTS.of(b"s3cret")}
    assert act.landed


def test_creation_is_named_by_its_answer() -> None:
    told = {"metadata": {"name": "app", "resourceVersion": "42"}}

    act = KUBE.read(heard("POST", SECRETS, told=told))

    assert act.target == ObjectPath("", "team", "secrets", "app")


def test_write_without_an_answer_is_in_doubt() -> None:
    act = KUBE.read(heard("POST", SECRETS, status=None))

    assert act.in_doubt
    assert not act.landed
    assert act.version is None


@pytest.mark.parametrize(
    ("spec", "claim"),
    [
        (
            {"leaseDurationSeconds": 3, "holderIdentity": "me"},
            LeaseClaim(holder="me", seconds=3),
        ),
        (
            {"leaseDurationSeconds": 1, "holderIdentity": None},
            LeaseClaim(holder="", seconds=1),
        ),
        ({}, None),
    ],
)
def test_write_to_a_lease_says_who_holds_it(
    spec: Mapping[str, object], claim: LeaseClaim | None
) -> None:
    act = KUBE.read(heard("PUT", LEASE, asked={"spec": spec}))

    assert act.claim == claim


@pytest.mark.parametrize(
    ("path", "mark", "restarts"),
    [
        (WORKLOAD, "vso.secrets.hashicorp.com/restartedAt", True),
        (WORKLOAD, "team", False),
        (f"{SECRETS}/app", "vso.secrets.hashicorp.com/restartedAt", False),
    ],
)
def test_restart_is_known_by_its_annotation(
    path: str, mark: str, restarts: bool
) -> None:
    template = {"metadata": {"annotations": {mark: "now"}}}

    act = KUBE.read(heard("PATCH", path, asked={"spec": {"template": template}}))

    assert act.restarts is restarts


def test_token_requests_and_logins_give_tokens_away() -> None:
    kube = heard(
        "POST",
        "/api/v1/namespaces/team/serviceaccounts/app/token",
        told={"kind": "TokenRequest", "status": {"token": "ey.1.2"}},
    )
    login = heard("POST", "/v1/auth/k/login", told={"auth": {"client_token": "hvs.1"}})

    assert KUBE.tokens(kube) == ["ey.1.2"]
    assert VAULT.tokens(login) == ["hvs.1"]
    assert KUBE.tokens(login) == VAULT.tokens(kube) == []


def test_login_grants_a_token() -> None:
    auth = {"client_token": "hvs.1", "lease_duration": 60}

    act = vault("auth/kubernetes/login", told={"auth": auth})

    assert act.granted == Granted(FINGERPRINTS.of(b"hvs.1"), 60)


def test_renewal_of_a_token_is_of_the_one_who_asks() -> None:
    act = vault("auth/token/renew-self", told={"auth": {"lease_duration": 60}})

    assert act.granted == Granted(ME, 60)


def test_answer_with_a_lease_is_an_issue() -> None:
    told = {
        "lease_id": LEASE_ID,
        "lease_duration": 30,
        "data": {"username": "v-app", "ttl": 30},
    }

    act = vault("database/creds/app", told=told)

    assert act.issued == Issued(LEASE_ID, 30, {"username": FINGERPRINTS.of(b"v-app")})


def test_certificate_lasts_until_it_expires() -> None:
    told = {"data": {"serial_number": "7a:01", "expiration": 1090, "issuing_ca": "ca"}}

    act = vault("pki/issue/web", told=told)

    assert act.issued is not None
    assert act.issued.is_certificate
    assert (act.issued.id, act.issued.seconds) == ("7a:01", 90.0)
    assert act.issued.items.keys() == {"serial_number"}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("sys/leases/revoke", {"lease_id": LEASE_ID}),
        ("sys/revoke", {"lease_id": LEASE_ID}),
        (f"sys/leases/revoke/{LEASE_ID}", {}),
        ("pki/revoke", {"serial_number": LEASE_ID}),
    ],
)
def test_revocation_names_its_lease(path: str, asked: Mapping[str, object]) -> None:
    assert vault(path, asked=asked).revoked == {LEASE_ID}


def test_revocation_of_more_than_one_lease_is_known() -> None:
    assert vault("sys/leases/revoke-prefix/database").revoked_prefix == "database"
    assert vault("auth/token/revoke-self").ends_token


def test_renewal_of_a_lease_issues_nothing() -> None:
    told = {"lease_id": LEASE_ID, "lease_duration": 30, "data": None}

    act = vault("sys/leases/renew", asked={"lease_id": LEASE_ID}, told=told)

    assert act.renewed == {LEASE_ID: 30}
    assert act.issued is None


def test_refused_request_did_nothing() -> None:
    act = VAULT.read(
        heard("PUT", "/v1/sys/leases/revoke", asked={"lease_id": "a"}, status=403)
    )

    assert not act.revoked


def test_read_of_a_value_is_no_issue() -> None:
    told = {"lease_id": "", "lease_duration": 0, "data": {"data": {"a": "b"}}}

    assert vault("secret/data/app", told=told).issued is None
