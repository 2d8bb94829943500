"""The manifests that ship: the examples, and what the controller is allowed to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from vso_controller.api.kinds import RECONCILED, kind_named
from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.vaultauth import (
    AuthMethod,
    KubernetesAuth,
    VaultAuthSpec,
)
from vso_controller.api.v1beta1.vaultauthglobal import VaultAuthGlobalSpec
from vso_controller.api.v1beta1.vaultconnection import VaultConnectionSpec
from vso_controller.api.v1beta1.vaultstaticsecret import (
    KVType,
    VaultStaticSecretSpec,
)
from vso_controller.domain import hmackey, sessionrecords
from vso_controller.domain.globalauth import inherit
from vso_controller.domain.login import Login, ServiceAccountToken, login_of
from vso_controller.domain.reasons import Failure

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
RBAC = ROOT / "deploy" / "rbac"
RBAC_OF_OBSERVERS = ROOT / "deploy" / "rbac-observer"
OPERATOR_NAMESPACE = "vault-secrets-operator-system"

READING = {"get", "list", "watch"}

Manifest = dict[str, Any]


def test_example_connection_is_read() -> None:
    spec = parse_spec(VaultConnectionSpec, raw_spec("vaultconnection.yaml"))

    assert spec == VaultConnectionSpec(
        address="https://vault.example.com",
        skip_tls_verify=False,
        ca_cert_secret_ref="vault-ca-cert",
    )


def test_example_auth_is_read() -> None:
    spec = parse_spec(VaultAuthSpec, raw_spec("vaultauth.yaml"))

    assert spec == VaultAuthSpec(
        method=AuthMethod.KUBERNETES,
        mount="kubernetes",
        kubernetes=KubernetesAuth(
            role="app-role", service_account="app-sa", audiences=("vault",)
        ),
        vault_connection_ref="vault-connection",
    )


@pytest.mark.parametrize(
    ("file", "destination", "refresh_after"),
    [
        ("vaultstaticsecret-database-creds.yaml", "database-secret", "30s"),
        ("vaultstaticsecret-database-secret.yaml", "db-credentials", "60s"),
    ],
)
def test_example_static_secrets_are_read(
    file: str, destination: str, refresh_after: str
) -> None:
    spec = parse_spec(VaultStaticSecretSpec, raw_spec(file))

    assert (spec.mount, spec.path, spec.type) == (
        "secret",
        "production/database",
        KVType.V2,
    )
    assert (spec.destination.name, spec.destination.create) == (destination, True)
    assert spec.refresh_after == refresh_after


def test_every_auth_method_has_examples_that_can_be_used() -> None:
    folder = EXAMPLES / "logins"
    specs = {
        one["metadata"]["name"]: parse_spec(
            VaultAuthSpec, json.dumps(one["spec"]).encode()
        )
        for one in manifests(folder)
    }

    logins = {name: login_of(spec) for name, spec in specs.items()}
    assert [one for one in logins.values() if isinstance(one, Failure)] == []
    assert {spec.method for spec in specs.values()} == {
        AuthMethod.KUBERNETES,
        AuthMethod.JWT,
        AuthMethod.APP_ROLE,
        AuthMethod.TOKEN,
    }


def test_example_that_inherits_can_be_used() -> None:
    specs = {
        one["kind"]: json.dumps(one["spec"]).encode()
        for one in manifests(EXAMPLES / "globals")
    }
    auth = parse_spec(VaultAuthSpec, specs["VaultAuth"])
    parent = parse_spec(VaultAuthGlobalSpec, specs["VaultAuthGlobal"])

    login = login_of(inherit(auth, parent))

    assert isinstance(login, Login)
    assert (login.mount, login.how.source) == (
        "kubernetes",
        ServiceAccountToken("app-sa", ("vault",), 900),
    )
    assert login.headers == {"X-Cluster": "production-eu", "X-Team": "billing"}


def test_examples_refer_to_what_is_there() -> None:
    there = {
        (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        for one in (*manifests(EXAMPLES), *manifests(RBAC))
    }

    assert ("Namespace", None, "production") in there
    assert ("Namespace", None, OPERATOR_NAMESPACE) in there
    assert ("ServiceAccount", "production", "app-sa") in there
    assert ("VaultAuth", "production", "vault-auth") in there
    assert ("VaultConnection", OPERATOR_NAMESPACE, "vault-connection") in there


@pytest.mark.parametrize(
    "folder", [EXAMPLES, RBAC, RBAC_OF_OBSERVERS], ids=lambda folder: folder.name
)
def test_namespaces_are_applied_before_what_lives_in_them(folder: Path) -> None:
    known = {OPERATOR_NAMESPACE} if folder == EXAMPLES else set()

    # `kubectl apply -f FOLDER` goes through the files in the order of their names.
    for manifest in manifests(folder):
        metadata = manifest["metadata"]
        if manifest["kind"] == "Namespace":
            known.add(metadata["name"])
        assert metadata.get("namespace") in {None, *known}, metadata


def test_controller_may_do_what_it_does_in_all_namespaces_and_no_more() -> None:
    (role,) = (one for one in manifests(RBAC) if one["kind"] == "ClusterRole")
    plurals = {kind.resource.plural for kind in RECONCILED}
    group = "secrets.hashicorp.com"

    assert grants(role) == {
        **{(group, plural): {"get", "list", "watch"} for plural in plurals},
        # A finalizer has its leases revoked when it is deleted.
        (group, "vaultdynamicsecrets"): {"get", "list", "patch", "watch"},
        **{(group, f"{plural}/status"): {"patch", "update"} for plural in plurals},
        ("", "secrets"): {"create", "delete", "get", "list", "patch", "watch"},
        ("", "serviceaccounts/token"): {"create"},
        ("", "events"): {"create", "patch"},
    }


def test_observer_may_read_what_the_controller_reads_and_change_nothing() -> None:
    (full,) = (one for one in manifests(RBAC) if one["kind"] == "ClusterRole")
    (role,) = (
        one for one in manifests(RBAC_OF_OBSERVERS) if one["kind"].endswith("Role")
    )
    reading = {what: verbs & READING for what, verbs in grants(full).items()}

    assert grants(role) == {
        **{what: verbs for what, verbs in reading.items() if verbs},
        ("", "serviceaccounts/token"): {"create"},
    }


def test_controller_may_hold_a_lease_a_key_and_tokens_in_its_own_namespace() -> None:
    lease, key, sessions = (one for one in manifests(RBAC) if one["kind"] == "Role")

    assert lease["metadata"]["namespace"] == OPERATOR_NAMESPACE
    assert grants(lease) == {
        ("coordination.k8s.io", "leases"): {"create", "get", "patch", "update"}
    }
    assert key["metadata"]["namespace"] == OPERATOR_NAMESPACE
    assert grants(key) == {("", "secrets"): {"create", "list", "watch"}}
    assert [rule.get("resourceNames") for rule in key["rules"]] == [
        None,
        [hmackey.NAME],
    ]
    assert sessions["metadata"]["namespace"] == OPERATOR_NAMESPACE
    assert [
        (set(rule["verbs"]), rule.get("resourceNames")) for rule in sessions["rules"]
    ] == [
        ({"create", "delete", "get", "list"}, None),
        ({"patch"}, [sessionrecords.NAME]),
    ]


@pytest.mark.parametrize(
    ("folder", "account"),
    [
        (RBAC, "vso-controller-manager"),
        (RBAC_OF_OBSERVERS, "vso-controller-observer"),
    ],
    ids=["controller", "observer"],
)
def test_every_role_is_bound_to_its_account(folder: Path, account: str) -> None:
    roles = {
        (one["kind"], one["metadata"]["name"])
        for one in manifests(folder)
        if one["kind"] in {"ClusterRole", "Role"}
    }
    bindings = [one for one in manifests(folder) if one["kind"].endswith("RoleBinding")]

    assert {
        (one["roleRef"]["kind"], one["roleRef"]["name"]) for one in bindings
    } == roles
    for binding in bindings:
        assert binding["subjects"] == [
            {
                "kind": "ServiceAccount",
                "name": account,
                "namespace": OPERATOR_NAMESPACE,
            }
        ]
    assert ("ServiceAccount", account) in {
        (one["kind"], one["metadata"]["name"]) for one in manifests(folder)
    }


def manifests(folder: Path) -> Iterator[Manifest]:
    """Yield the objects in a folder's files, in the order of the files' names."""
    for path in sorted(folder.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def raw_spec(file: str) -> bytes:
    manifest = yaml.safe_load((EXAMPLES / file).read_text())
    assert manifest["apiVersion"] == "secrets.hashicorp.com/v1beta1"
    assert kind_named(manifest["kind"]) is not None
    return json.dumps(manifest["spec"]).encode()


def grants(role: Manifest) -> dict[tuple[str, str], set[str]]:
    granted: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        (group,) = rule["apiGroups"]
        for resource in rule["resources"]:
            granted.setdefault((group, resource), set()).update(rule["verbs"])
    return granted
