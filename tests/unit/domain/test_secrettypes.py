from __future__ import annotations

import pytest

from vso_controller.domain.reasons import Reason
from vso_controller.domain.secrettypes import refusal_of_type


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Opaque", {}),
        ("example.com/anything", {}),
        ("kubernetes.io/basic-auth", {"username": b""}),
        ("kubernetes.io/basic-auth", {"password": b"s3cret"}),
        ("kubernetes.io/dockercfg", {".dockercfg": b"{}"}),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b'{"auths": {}}'}),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": b"key"}),
        ("kubernetes.io/tls", {"tls.crt": b"", "tls.key": b""}),
        ("kubernetes.io/tls", {"tls.crt": b"", "tls.key": b"", "ca.crt": b""}),
    ],
)
def test_data_that_a_type_asks_for_is_taken(kind: str, data: dict[str, bytes]) -> None:
    assert refusal_of_type(kind, data) is None


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("kubernetes.io/basic-auth", {"user": b"admin"}, "username or password"),
        ("kubernetes.io/dockercfg", {}, ".dockercfg"),
        ("kubernetes.io/dockercfg", {".dockercfg": b"{"}, ".dockercfg"),
        ("kubernetes.io/dockerconfigjson", {".dockercfg": b"{}"}, ".dockerconfigjson"),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b"[]"}, "JSON object"),
        (
            "kubernetes.io/dockerconfigjson",
            {".dockerconfigjson": b"[" * 100_000},
            "JSON object",
        ),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": b""}, "ssh-privatekey"),
        ("kubernetes.io/tls", {"tls.crt": b"PEM"}, "tls.crt and tls.key"),
    ],
)
def test_data_that_a_type_does_not_take_is_refused(
    kind: str, data: dict[str, bytes], told: str
) -> None:
    refusal = refusal_of_type(kind, data)

    assert refusal is not None
    assert refusal.reason is Reason.INVALID_SECRET_DATA
    assert kind in refusal.message
    assert told in refusal.message


@pytest.mark.parametrize(
    "kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"]
)
def test_type_that_makes_kubernetes_issue_credentials_is_refused(kind: str) -> None:
    refusal = refusal_of_type(kind, {"token-id": b"a", "token-secret": b"b"})

    assert refusal is not None
    assert refusal.reason is Reason.INVALID_SPEC
    assert refusal.message.startswith("spec.destination.type")
