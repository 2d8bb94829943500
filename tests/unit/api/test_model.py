"""Parsing specs and statuses, and writing statuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.api.kinds import KINDS, Kind
from vso_controller.api.model import ApiModel, parse_spec, parse_status, status_json
from vso_controller.api.v1beta1.shared import (
    Condition,
    ConditionStatus,
    Destination,
    RolloutRestartKind,
    VaultClientMeta,
)
from vso_controller.api.v1beta1.vaultauth import (
    AuthMethod,
    KubernetesAuth,
    VaultAuthSpec,
    VaultAuthStatus,
)
from vso_controller.api.v1beta1.vaultconnection import (
    VaultConnectionSpec,
    VaultConnectionStatus,
)
from vso_controller.api.v1beta1.vaultstaticsecret import (
    KVType,
    VaultStaticSecretSpec,
    VaultStaticSecretStatus,
)
from vso_controller.foundation.errors import Invalid

STATIC_SECRET = {
    "mount": "secret",
    "path": "production/database",
    "type": "kv-v2",
    "destination": {"name": "database-secret"},
}
CONDITION = Condition(
    type="Ready",
    status=ConditionStatus.TRUE,
    observed_generation=3,
    last_transition_time="2026-11-23T17:41:00Z",
    reason="Ready",
    message="",
)


def test_least_spec_gets_the_defaults_of_the_schema() -> None:
    spec = parse_spec(VaultStaticSecretSpec, encode(STATIC_SECRET))

    assert spec == VaultStaticSecretSpec(
        mount="secret",
        path="production/database",
        type=KVType.V2,
        hmac_secret_data=True,
        destination=Destination(name="database-secret", create=False, overwrite=False),
    )


def test_every_form_of_value_is_read() -> None:
    restart = {"kind": "argo.Rollout", "name": "web"}
    template = {"text": "{{ .Secrets.password }}"}
    destination = {
        "name": "database-secret",
        "labels": {"app": "myapp"},
        "transformation": {"excludeRaw": True, "templates": {"URL": template}},
    }
    raw = STATIC_SECRET | {
        "version": 2,
        "refreshAfter": "1.5h",
        "rolloutRestartTargets": [restart],
        "destination": destination,
    }

    spec = parse_spec(VaultStaticSecretSpec, encode(raw))

    assert (spec.version, spec.refresh_after) == (2, "1.5h")
    assert spec.rollout_restart_targets[0].kind is RolloutRestartKind.ARGO_ROLLOUT
    assert spec.destination.labels == {"app": "myapp"}
    assert spec.destination.transformation is not None
    assert spec.destination.transformation.exclude_raw is True
    assert spec.destination.transformation.templates["URL"].text == template["text"]


@pytest.mark.parametrize(
    ("json_name", "attribute"),
    [
        ("skipTLSVerify", "skip_tls_verify"),
        ("tlsServerName", "tls_server_name"),
        ("caCertSecretRef", "ca_cert_secret_ref"),
    ],
)
def test_attributes_are_the_snake_case_of_json_names(
    json_name: str, attribute: str
) -> None:
    value: object = True if json_name == "skipTLSVerify" else "x"
    raw = encode({"address": "https://vault.example.com", json_name: value})

    spec = parse_spec(VaultConnectionSpec, raw)

    assert getattr(spec, attribute) == value


def test_unknown_fields_are_ignored() -> None:
    later = STATIC_SECRET | {"invented": True, "hmac_secret_data": False}

    spec = parse_spec(VaultStaticSecretSpec, encode(later))

    assert spec == parse_spec(VaultStaticSecretSpec, encode(STATIC_SECRET))


def test_field_left_out_can_be_told_from_one_set_to_its_default() -> None:
    left_out = parse_spec(VaultAuthSpec, b'{"kubernetes": {}}')
    said = parse_spec(
        VaultAuthSpec, b'{"headers": {}, "kubernetes": {"tokenExpirationSeconds": 600}}'
    )

    assert left_out.headers == said.headers
    assert "headers" not in left_out.model_fields_set
    assert "headers" in said.model_fields_set
    assert left_out.kubernetes == said.kubernetes == KubernetesAuth()
    assert said.kubernetes is not None
    assert said.kubernetes.model_fields_set == {"token_expiration_seconds"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"type": "kv-v3"},
            "spec.type: Input should be 'kv-v1' or 'kv-v2'",
            id="value outside a closed set",
        ),
        pytest.param(
            {"destination": {}}, "spec.destination.name: Field required", id="missing"
        ),
        pytest.param(
            {"rolloutRestartTargets": [{"kind": "Deployment"}]},
            "spec.rolloutRestartTargets[0].name: Field required",
            id="missing in a list",
        ),
        pytest.param(
            {"refreshAfter": "1h30m"},
            "spec.refreshAfter: String should match pattern",
            id="two units",
        ),
        pytest.param(
            {"refreshAfter": "9999999999999h"},
            "spec.refreshAfter: Value error, '9999999999999h' is too long a duration",
            id="longer than can be told",
        ),
        pytest.param(
            {"version": -1},
            "spec.version: Input should be greater than or equal to 0",
            id="below the minimum",
        ),
        pytest.param(
            {"version": "1"},
            "spec.version: Input should be a valid integer",
            id="text for a number",
        ),
    ],
)
def test_wrong_spec_is_invalid_with_path_and_reason(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(Invalid) as raised:
        parse_spec(VaultStaticSecretSpec, encode(STATIC_SECRET | changes))

    assert str(raised.value).startswith(reason)


def test_absent_spec_lacks_what_is_required() -> None:
    with pytest.raises(Invalid, match=r"^spec\.address: Field required$"):
        parse_spec(VaultConnectionSpec, b"")


def test_broken_json_is_invalid() -> None:
    with pytest.raises(Invalid, match=r"^status: Invalid JSON: EOF"):
        parse_status(VaultConnectionStatus, b'{"valid": tr')


def test_message_of_a_wrong_spec_holds_no_values() -> None:
    raw = encode({"address": "https://vault.example.com", "headers": {"X": ["canary"]}})

    with pytest.raises(Invalid) as raised:
        parse_spec(VaultConnectionSpec, raw)

    assert str(raised.value) == "spec.headers.X: Input should be a valid string"
    assert "canary" not in str(raised.value.__cause__)


def test_message_of_many_errors_stays_short() -> None:
    targets = [{"kind": "Deployment"}] * 1000

    with pytest.raises(Invalid) as raised:
        parse_spec(
            VaultStaticSecretSpec,
            encode(STATIC_SECRET | {"rolloutRestartTargets": targets}),
        )

    assert str(raised.value).endswith("; and 995 more")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_absent_status_is_the_defaults(kind: Kind) -> None:
    assert parse_status(kind.status, b"") == kind.status()


@pytest.mark.parametrize(
    ("status", "written"),
    [
        (VaultConnectionStatus(), {"valid": False, "conditions": []}),
        (VaultStaticSecretStatus(), {"lastGeneration": 0, "conditions": []}),
        (VaultAuthStatus(), {"conditions": []}),
        (
            VaultAuthStatus(valid=True, error="", spec_hash="00ff"),
            {"valid": True, "error": "", "specHash": "00ff", "conditions": []},
        ),
    ],
)
def test_status_is_written_with_what_the_schema_requires(
    status: ApiModel, written: dict[str, object]
) -> None:
    assert status_json(status) == written


def test_status_is_read_back_as_it_was_written() -> None:
    status = VaultStaticSecretStatus(
        last_generation=3,
        secret_mac="bWFj",
        vault_client_meta=VaultClientMeta(cache_key="kubernetes-1", id="ab"),
        conditions=(CONDITION,),
    )

    raw = encode(status_json(status))

    assert parse_status(VaultStaticSecretStatus, raw) == status
    assert json.loads(raw)["conditions"][0] == {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-11-23T17:41:00Z",
        "reason": "Ready",
        "message": "",
    }


@given(
    role=st.none() | st.text(),
    audiences=st.lists(st.text()).map(tuple),
    headers=st.dictionaries(st.text(), st.text()),
    method=st.none() | st.sampled_from(AuthMethod),
    expiration=st.integers(min_value=600, max_value=2**63 - 1),
)
def test_any_auth_spec_survives_a_round_trip(
    role: str | None,
    audiences: tuple[str, ...],
    headers: dict[str, str],
    method: AuthMethod | None,
    expiration: int,
) -> None:
    kubernetes = KubernetesAuth(
        role=role, audiences=audiences, token_expiration_seconds=expiration
    )
    spec = VaultAuthSpec(headers=headers, method=method, kubernetes=kubernetes)

    raw = spec.model_dump_json(by_alias=True, exclude_none=True).encode()

    assert parse_spec(VaultAuthSpec, raw) == spec


def encode(value: object) -> bytes:
    return json.dumps(value).encode()
