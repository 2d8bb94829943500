"""N7: nothing foreign is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.oracle.evidence import Evidence
from tests.support.oracle.records import Ref
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    LEASE,
    NAMESPACE,
    NEW,
    SECRETS,
    SPEC,
    STATIC,
    STATUS,
    database,
    found,
    resource,
    secret,
    with_acts,
    with_resources,
    with_secrets,
    write,
)

DESTINATION = f"{SECRETS}/app-secret"
ACCOUNT = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/app-sa"
WORKLOAD = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"
AUTH = database(
    1.0,
    5,
    ref=Ref("VaultAuth", NAMESPACE, "auth"),
    spec={"kubernetes": {"role": "app", "serviceAccount": "app-sa"}},
)
RESTARTED = resource(
    6.0,
    18,
    spec={**SPEC, "rolloutRestartTargets": [{"kind": "Deployment", "name": "web"}]},
)
WORLD = with_resources(STATIC, AUTH, RESTARTED)
THEIRS = secret(1.5, 9, NEW, owners=frozenset())


def touched(run: Evidence) -> list[str]:
    return found(Invariant.NOTHING_FOREIGN, run)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("PATCH", f"{SECRETS}/theirs", id="a Secret nobody names"),
        pytest.param("POST", f"{ACCOUNT}x/token", id="token of another account"),
        pytest.param("PATCH", ACCOUNT, id="the account itself"),
        pytest.param("PATCH", f"{WORKLOAD}-2", id="another workload"),
        pytest.param("PUT", f"{LEASE}-2", id="another lease"),
        pytest.param("DELETE", "/api/v1/namespaces/team", id="a namespace"),
        pytest.param("POST", "/api/v1/namespaces/team/pods", id="a Pod"),
    ],
)
def test_write_to_a_foreign_object_is_told(method: str, path: str) -> None:
    run = with_acts(WORLD, write(9.0, method, path, base=14, version=20))

    assert len(touched(run)) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("PATCH", DESTINATION, id="the Secret of a resource"),
        pytest.param("DELETE", DESTINATION, id="its deletion"),
        pytest.param("PATCH", STATUS, id="a status"),
        pytest.param("PATCH", STATUS.removesuffix("/status"), id="a finalizer"),
        pytest.param("POST", f"{ACCOUNT}/token", id="token of a named account"),
        pytest.param("PATCH", WORKLOAD, id="a workload to be restarted"),
        pytest.param("PUT", LEASE, id="the lease of the election"),
        pytest.param("POST", "/api/v1/namespaces/team/events", id="an Event"),
    ],
)
def test_write_to_what_is_ours_is_in_order(method: str, path: str) -> None:
    run = with_acts(WORLD, write(9.0, method, path, base=14, version=20))

    assert touched(run) == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [DESTINATION, STATUS, WORKLOAD, LEASE])
def test_change_that_names_no_version_is_told(method: str, path: str) -> None:
    run = with_acts(WORLD, write(9.0, method, path, version=20))

    assert [each.split(": ")[1] for each in touched(run)] == [
        "it overwrites whatever version there is"
    ]


KEY = "/api/v1/namespaces/operator/secrets/vso-cc-storage-hmac-key"


@pytest.mark.parametrize(
    ("method", "count"), [("POST", 0), ("PATCH", 1), ("DELETE", 1)]
)
def test_key_of_the_controller_is_made_and_never_changed(
    method: str, count: int
) -> None:
    run = with_acts(WORLD, write(9.0, method, KEY, base=14, version=20))

    assert len(touched(run)) == count


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_what_is_kept_of_sessions_is_the_controllers(method: str) -> None:
    path = KEY.replace("storage-hmac-key", "kubernetes-0123")
    run = with_acts(WORLD, write(9.0, method, path, base=14, version=20))

    assert touched(run) == []


def test_event_may_be_changed_blindly() -> None:
    counted = write(9.0, "PATCH", "/api/v1/namespaces/team/events/one", version=20)

    assert not touched(with_acts(WORLD, counted))


def test_refused_write_has_touched_nothing() -> None:
    refused = write(9.0, "PATCH", f"{SECRETS}/theirs", base=14, status=409)

    assert not touched(with_acts(WORLD, refused))


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({"create": True}, 1, id="may not take it over"),
        pytest.param({"create": True, "overwrite": True}, 0, id="may take it over"),
        pytest.param({"create": False}, 0, id="is told to fill it"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_secret_of_somebody_else_is_left_alone(
    method: str, changes: dict[str, bool], count: int
) -> None:
    spec = {**SPEC, "destination": {"name": "app-secret", **changes}}
    version = None if method == "DELETE" else 11
    run = replace(
        with_secrets(replace(STATIC, secrets=()), THEIRS),
        resources=(resource(2.0, 10, spec=spec),),
        kube_acts=(write(3.0, method, DESTINATION, base=9, version=version),),
    )

    assert len(touched(run)) == count
