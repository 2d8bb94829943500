from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.api.v1beta1.vaultauth import AuthMethod
from vso_controller.domain.clientcache import (
    LOGIN_ANNOTATION,
    Entry,
    Flaw,
    Origin,
    Part,
    Wanted,
    decode_ciphertext,
    decode_login,
    encode_ciphertext,
    encode_login,
    entry_key,
    flaw_of,
    is_orphan,
    login_digest,
    payload_of,
    sealed_by,
    to_secret,
)
from vso_controller.domain.hmackey import is_reserved
from vso_controller.domain.login import KubernetesLogin, Login, ServiceAccountToken
from vso_controller.foundation.objects import NewSecret, ObjectKey, OpenSecret
from vso_controller.foundation.secret import Secret

KEY = b"0123456789abcdef"
AUTH_UID = "0b0e0a1e-0000-4000-8000-000000000001"
CONNECTION_UID = "0b0e0a1e-0000-4000-8000-000000000002"
PROVIDER_UID = "0b0e0a1e-0000-4000-8000-000000000003"
ORIGIN = Origin(
    cache_key="kubernetes-0123456789abcdef012345",
    auth=Part("apps", AUTH_UID, 3),
    connection=Part("infra", CONNECTION_UID, 1),
    provider_namespace="apps",
    provider_uid=PROVIDER_UID,
)
WANTED = Wanted(origin=ORIGIN, login_digest="d1", encrypted=False)
ENTRY = Entry(origin=ORIGIN, payload=Secret(b'{"auth":{}}'), login_digest="d1")
LOGIN = Login(
    AuthMethod.KUBERNETES,
    "kubernetes",
    KubernetesLogin("app", ServiceAccountToken("app-sa", ("vault",), 600)),
    "",
)

# As the described format has it, written by hand: the answer to a login in the order
# of the fields of the upstream operator's library, and a MAC over name, cache key and
# content, by `openssl dgst -sha256 -mac HMAC`.
UPSTREAMS_CONTENT = (
    b'{"request_id":"5d0f","lease_id":"","lease_duration":0,"renewable":false,'
    b'"data":null,"warnings":null,"auth":{"client_token":"hvs.canary","accessor":'
    b'"acc","policies":["default"],"token_policies":["default"],"identity_policies":'
    b'null,"metadata":null,"orphan":true,"entity_id":"","lease_duration":3600,'
    b'"renewable":true,"mfa_requirement":null},"mount_type":"kubernetes"}'
)
UPSTREAMS_MAC = "1c5e532dafa383e2b212b304f59397b1d5b7bde4b4e9c96589646e9abe973572"
UPSTREAMS = OpenSecret(
    key=ObjectKey("vso-system", "vso-cc-kubernetes-0123456789abcdef012345"),
    uid="uid",
    resource_version="1",
    data=Secret(
        {"secret": UPSTREAMS_CONTENT, "messageMAC": bytes.fromhex(UPSTREAMS_MAC)}
    ),
    labels={
        "app.kubernetes.io/name": "vault-secrets-operator",
        "app.kubernetes.io/managed-by": "vso",
        "app.kubernetes.io/component": "client-cache-storage",
        "cacheKey": "kubernetes-0123456789abcdef012345",
        "auth/namespace": "apps",
        "auth/UID": AUTH_UID,
        "auth/generation": "3",
        "connection/namespace": "infra",
        "connection/UID": CONNECTION_UID,
        "connection/generation": "1",
        "provider/UID": PROVIDER_UID,
        "provider/namespace": "apps",
    },
)


def sign(message: bytes) -> bytes:
    return hmac.digest(KEY, message, hashlib.sha256)


def found(secret: NewSecret) -> OpenSecret:
    """Return a Secret as it is read after it was created."""
    return OpenSecret(
        secret.key, "uid", "1", secret.data, secret.labels, secret.annotations
    )


def stored(entry: Entry = ENTRY) -> OpenSecret:
    return found(to_secret(entry, namespace="vso-system", sign=sign))


def test_entry_of_the_upstream_operator_is_understood() -> None:
    assert flaw_of(UPSTREAMS, WANTED, sign=sign) is None
    assert decode_login(payload_of(UPSTREAMS)) == Secret("hvs.canary")


def test_entry_has_the_form_that_the_upstream_operator_reads() -> None:
    secret = to_secret(
        replace(ENTRY, payload=Secret(UPSTREAMS_CONTENT)),
        namespace="vso-system",
        sign=sign,
    )

    assert secret == NewSecret(
        key=UPSTREAMS.key,
        type="Opaque",
        data=UPSTREAMS.data,
        labels=UPSTREAMS.labels,
        annotations={LOGIN_ANNOTATION: "d1"},
        immutable=True,
    )


def test_encrypted_entry_names_who_decrypts_it() -> None:
    entry = stored(replace(ENTRY, sealed_by="storage"))

    assert entry.labels["encrypted"] == "true"
    assert sealed_by(entry) == entry.labels["vaultTransitRef"] == "storage"
    assert flaw_of(entry, replace(WANTED, encrypted=True), sign=sign) is None


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({"data": Secret({"secret": b"{}"})}, Flaw.FORGED),
        ({"data": Secret({})}, Flaw.FORGED),
        ({"key": ObjectKey("vso-system", "vso-cc-other")}, Flaw.FORGED),
        ({"labels": {}}, Flaw.MISLABELLED),
        ({"labels": {**UPSTREAMS.labels, "auth/UID": "x"}}, Flaw.MISLABELLED),
        ({"labels": {**UPSTREAMS.labels, "auth/generation": "4"}}, Flaw.MISLABELLED),
        ({"labels": {**UPSTREAMS.labels, "encrypted": "true"}}, Flaw.OTHER_FORM),
        ({"annotations": {LOGIN_ANNOTATION: "d2"}}, Flaw.OTHER_LOGIN),
    ],
    ids=str,
)
def test_entry_that_was_changed_is_not_used(
    changed: dict[str, object], flaw: Flaw
) -> None:
    entry = replace(UPSTREAMS, **changed)  # type: ignore[arg-type]

    assert flaw_of(entry, WANTED, sign=sign) is flaw


def test_entry_that_tells_no_login_is_not_used_where_part_of_it_is_inherited() -> None:
    wanted = replace(WANTED, needs_digest=True)

    assert flaw_of(UPSTREAMS, wanted, sign=sign) is Flaw.OTHER_LOGIN
    assert flaw_of(stored(), wanted, sign=sign) is None


def test_entry_of_another_key_is_forged() -> None:
    other = flaw_of(
        UPSTREAMS,
        WANTED,
        sign=lambda message: hmac.digest(b"another", message, hashlib.sha256),
    )

    assert other is Flaw.FORGED


@given(
    payload=st.binary(max_size=200), place=st.integers(0, 10**6), bit=st.integers(0, 7)
)
def test_no_bit_of_an_entry_can_be_changed(
    payload: bytes, place: int, bit: int
) -> None:
    entry = stored(replace(ENTRY, payload=Secret(payload)))
    data = entry.data.reveal()
    assert flaw_of(entry, WANTED, sign=sign) is None

    for name in ("secret", "messageMAC"):
        changed = bytearray(data[name] or b"\0")
        changed[place % len(changed)] ^= 1 << bit
        forged = replace(entry, data=Secret({**data, name: bytes(changed)}))
        assert flaw_of(forged, WANTED, sign=sign) is Flaw.FORGED


@given(
    token=st.from_regex(r"[!-~]{1,80}", fullmatch=True),
    extra=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_token_comes_back_as_it_was_stored(token: str, extra: dict[str, str]) -> None:
    document = {**extra, "auth": {"client_token": token, "metadata": extra}}

    assert decode_login(encode_login(Secret(document))) == Secret(token)


@given(st.binary(max_size=50))
def test_content_of_anybody_is_no_token_and_breaks_nothing(content: bytes) -> None:
    for decoded in (decode_login(Secret(content)), decode_ciphertext(Secret(content))):
        assert decoded is None


@pytest.mark.parametrize(
    "token", ["", "with space", "with\nnewline", None, 5, ["hvs"]], ids=repr
)
def test_what_cannot_go_into_a_header_is_no_token(token: object) -> None:
    content = json.dumps({"auth": {"client_token": token}}).encode()

    assert decode_login(Secret(content)) is None


def test_ciphertext_is_stored_as_the_transit_engine_answers() -> None:
    assert (
        encode_ciphertext("vault:v1:abc").reveal() == b'{"ciphertext":"vault:v1:abc"}'
    )
    answered = Secret(b'{"ciphertext":"vault:v1:abc","key_version":1}')
    assert decode_ciphertext(answered) == "vault:v1:abc"


def test_digest_tells_every_change_of_a_login() -> None:
    digests = {
        login_digest(sign, "key", LOGIN, None),
        login_digest(sign, "other", LOGIN, None),
        login_digest(sign, "key", replace(LOGIN, mount="k8s"), None),
        login_digest(sign, "key", replace(LOGIN, namespace="team"), None),
        login_digest(sign, "key", replace(LOGIN, headers={"X-Team": "a"}), None),
        login_digest(sign, "key", LOGIN, {"secret_id": "one"}),
        login_digest(sign, "key", LOGIN, {"secret_id": "two"}),
    }

    assert len(digests) == 7
    assert login_digest(sign, "key", LOGIN, None) in digests


@pytest.mark.parametrize(
    ("auths", "connections", "orphan"),
    [
        ({AUTH_UID: 3}, {CONNECTION_UID: 1}, False),
        ({}, {CONNECTION_UID: 1}, True),
        ({AUTH_UID: 4}, {CONNECTION_UID: 1}, True),
        ({AUTH_UID: 3}, {}, True),
        ({AUTH_UID: 3}, {CONNECTION_UID: 2}, True),
    ],
    ids=["in order", "no auth", "auth edited", "no connection", "connection edited"],
)
def test_entry_is_an_orphan_without_what_it_was_made_from(
    auths: dict[str, int], connections: dict[str, int], orphan: bool
) -> None:
    labels = UPSTREAMS.labels

    assert is_orphan(labels, auths=auths, connections=connections) is orphan


def test_no_resource_may_write_to_an_entry() -> None:
    key = entry_key("vso-system", "kubernetes-0123")

    assert is_reserved(key, operator_namespace="vso-system")
