"""What a VaultAuth comes to with a VaultAuthGlobal, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.api.v1beta1.vaultauth import AuthMethod, VaultAuthSpec
from vso_controller.api.v1beta1.vaultauthglobal import VaultAuthGlobalSpec
from vso_controller.domain.globalauth import inherit

Fields = dict[str, Any]
REFERENCE: Fields = {"name": "global"}


def auth(**fields: object) -> VaultAuthSpec:
    spec = {"vaultAuthGlobalRef": REFERENCE} | fields
    return VaultAuthSpec.model_validate(spec, strict=False)


def parent(**fields: object) -> VaultAuthGlobalSpec:
    return VaultAuthGlobalSpec.model_validate(fields, strict=False)


def merged(own: Fields, inherited: Fields) -> Fields:
    """Return what is set in the spec that the two come to, as it would be written."""
    result = inherit(auth(**own), parent(**inherited))
    written = result.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    del written["vaultAuthGlobalRef"]
    return written


# Each row: what the VaultAuth says, what the VaultAuthGlobal says, what they come to.
FIELDS: dict[str, tuple[Fields, Fields, Fields]] = {
    "nothing comes to nothing": ({}, {}, {}),
    "method of the global": (
        {},
        {"defaultAuthMethod": "jwt"},
        {"method": "jwt"},
    ),
    "method of the auth wins": (
        {"method": "kubernetes"},
        {"defaultAuthMethod": "jwt"},
        {"method": "kubernetes"},
    ),
    "mount of the global": ({}, {"defaultMount": "d"}, {"mount": "d"}),
    "mount of the method wins over that of the global": (
        {"method": "jwt"},
        {"defaultMount": "d", "jwt": {"mount": "m"}},
        {"method": "jwt", "mount": "m", "jwt": {}},
    ),
    "mount of the auth wins over both": (
        {"method": "jwt", "mount": "a"},
        {"defaultMount": "d", "jwt": {"mount": "m"}},
        {"method": "jwt", "mount": "a", "jwt": {}},
    ),
    "mount of another method does not count": (
        {"method": "kubernetes"},
        {"defaultMount": "d", "jwt": {"mount": "m"}},
        {"method": "kubernetes", "mount": "d"},
    ),
    "mount of a method that nobody chose does not count": (
        {},
        {"jwt": {"mount": "m", "role": "r"}},
        {},
    ),
    "Vault namespace of the global": (
        {},
        {"defaultVaultNamespace": "d"},
        {"namespace": "d"},
    ),
    "Vault namespace of the method": (
        {"method": "jwt"},
        {"defaultVaultNamespace": "d", "jwt": {"namespace": "m"}},
        {"method": "jwt", "namespace": "m", "jwt": {}},
    ),
    "Vault namespace of the auth": (
        {"method": "jwt", "namespace": "a"},
        {"defaultVaultNamespace": "d", "jwt": {"namespace": "m"}},
        {"method": "jwt", "namespace": "a", "jwt": {}},
    ),
    "connection of the global": (
        {},
        {"vaultConnectionRef": "infra/vault"},
        {"vaultConnectionRef": "infra/vault"},
    ),
    "connection of the auth": (
        {"vaultConnectionRef": "vault"},
        {"vaultConnectionRef": "infra/vault"},
        {"vaultConnectionRef": "vault"},
    ),
    "who may use the global is not inherited": (
        {"allowedNamespaces": ["a"]},
        {"allowedNamespaces": ["b"]},
        {"allowedNamespaces": ["a"]},
    ),
    "empty is as good as absent": (
        {"mount": "", "namespace": "", "vaultConnectionRef": ""},
        {"defaultMount": "d", "defaultVaultNamespace": "n", "vaultConnectionRef": "v"},
        {"mount": "d", "namespace": "n", "vaultConnectionRef": "v"},
    ),
    "a whole block is inherited": (
        {"method": "kubernetes"},
        {
            "kubernetes": {
                "role": "r",
                "serviceAccount": "sa",
                "audiences": ["a"],
                "tokenExpirationSeconds": 900,
            }
        },
        {
            "method": "kubernetes",
            "kubernetes": {
                "role": "r",
                "serviceAccount": "sa",
                "audiences": ["a"],
                "tokenExpirationSeconds": 900,
            },
        },
    ),
    "a block is kept where the global has none": (
        {"method": "kubernetes", "kubernetes": {"role": "r"}},
        {"jwt": {"role": "other"}},
        {"method": "kubernetes", "kubernetes": {"role": "r"}},
    ),
    "fields of a block win one by one": (
        {
            "method": "kubernetes",
            "kubernetes": {"role": "own", "audiences": [], "serviceAccount": ""},
        },
        {"kubernetes": {"role": "r", "serviceAccount": "sa", "audiences": ["a"]}},
        {
            "method": "kubernetes",
            "kubernetes": {"role": "own", "serviceAccount": "sa", "audiences": ["a"]},
        },
    ),
    "a default that the API server wrote does not win": (
        {"method": "jwt", "jwt": {"role": "r", "tokenExpirationSeconds": 600}},
        {"jwt": {"serviceAccount": "sa", "tokenExpirationSeconds": 3600}},
        {
            "method": "jwt",
            "jwt": {
                "role": "r",
                "serviceAccount": "sa",
                "tokenExpirationSeconds": 3600,
            },
        },
    ),
    "another value than the default wins": (
        {"method": "jwt", "jwt": {"tokenExpirationSeconds": 700}},
        {"jwt": {"role": "r", "tokenExpirationSeconds": 3600}},
        {"method": "jwt", "jwt": {"role": "r", "tokenExpirationSeconds": 700}},
    ),
    "who chose a Secret with a JWT inherits no account": (
        {"method": "jwt", "jwt": {"secretRef": "own"}},
        {"jwt": {"role": "r", "serviceAccount": "sa"}},
        {"method": "jwt", "jwt": {"role": "r", "secretRef": "own"}},
    ),
    "who chose an account inherits no Secret with a JWT": (
        {"method": "jwt", "jwt": {"serviceAccount": "own"}},
        {"jwt": {"role": "r", "secretRef": "theirs"}},
        {"method": "jwt", "jwt": {"role": "r", "serviceAccount": "own"}},
    ),
    "who chose a file with a secret ID inherits no Secret": (
        {"method": "appRole", "appRole": {"secretIDPath": "/own"}},
        {"appRole": {"roleId": "r", "secretRef": "theirs"}},
        {"method": "appRole", "appRole": {"roleId": "r", "secretIDPath": "/own"}},
    ),
    "who chose none of several inherits what there is": (
        {"method": "appRole", "appRole": {"roleId": "own"}},
        {"appRole": {"roleId": "r", "secretRef": "theirs"}},
        {"method": "appRole", "appRole": {"roleId": "own", "secretRef": "theirs"}},
    ),
    "token": (
        {"method": "token", "token": {"secretRef": "own"}},
        {"token": {"tokenPath": "/theirs", "namespace": "n"}},
        {"method": "token", "namespace": "n", "token": {"secretRef": "own"}},
    ),
    "aws": (
        {"method": "aws", "aws": {"region": "own", "secretRef": "own"}},
        {"aws": {"role": "r", "region": "eu", "irsaServiceAccount": "sa"}},
        {
            "method": "aws",
            "aws": {"role": "r", "region": "own", "secretRef": "own"},
        },
    ),
    "gcp": (
        {"method": "gcp", "gcp": {"projectID": "own"}},
        {"gcp": {"role": "r", "projectID": "p", "clusterName": "c"}},
        {"method": "gcp", "gcp": {"role": "r", "projectID": "own", "clusterName": "c"}},
    ),
    "blocks of other methods stay as they are": (
        {"method": "jwt", "kubernetes": {"role": "k"}, "jwt": {"role": "j"}},
        {"kubernetes": {"serviceAccount": "sa"}, "jwt": {"serviceAccount": "sb"}},
        {
            "method": "jwt",
            "kubernetes": {"role": "k"},
            "jwt": {"role": "j", "serviceAccount": "sb"},
        },
    ),
}


@pytest.mark.parametrize(("own", "inherited", "expected"), FIELDS.values(), ids=FIELDS)
def test_what_a_field_comes_to(
    own: Fields, inherited: Fields, expected: Fields
) -> None:
    assert merged(own, inherited) == expected


OWN, OF_METHOD, OF_GLOBAL = {"a": "1", "x": "1"}, {"b": "2", "x": "2"}, {"x": "3"}
ALL = {"a": "1", "b": "2", "x": "1"}


@pytest.mark.parametrize("field", ["headers", "params"])
@pytest.mark.parametrize(
    ("strategy", "maps", "expected"),
    [
        pytest.param(None, (OWN, OF_METHOD, OF_GLOBAL), OWN, id="absent"),
        pytest.param("none", (OWN, OF_METHOD, OF_GLOBAL), OWN, id="none"),
        pytest.param("none", ({}, OF_METHOD, OF_GLOBAL), {}, id="none, nothing own"),
        pytest.param("union", (OWN, OF_METHOD, OF_GLOBAL), ALL, id="union"),
        pytest.param("union", (OWN, {}, {}), OWN, id="union, own"),
        pytest.param("union", ({}, {}, OF_GLOBAL), OF_GLOBAL, id="union, global"),
        pytest.param("union", ({}, OF_METHOD, OF_GLOBAL), OF_METHOD, id="union, both"),
        pytest.param("replace", (OWN, OF_METHOD, OF_GLOBAL), OWN, id="replace"),
        pytest.param(
            "replace", ({}, OF_METHOD, OF_GLOBAL), OF_METHOD, id="replace, method"
        ),
        pytest.param("replace", ({}, {}, OF_GLOBAL), OF_GLOBAL, id="replace, global"),
        pytest.param("replace", ({}, {}, {}), {}, id="replace, nothing"),
    ],
)
def test_what_a_map_comes_to(
    field: str,
    strategy: str | None,
    maps: tuple[dict[str, str], dict[str, str], dict[str, str]],
    expected: dict[str, str],
) -> None:
    own, of_method, of_global = maps
    reference = REFERENCE | {"mergeStrategy": {field: strategy}}
    spec = auth(vaultAuthGlobalRef=reference, method="jwt", **{field: own})

    result = inherit(spec, parent(**{field: of_global, "jwt": {field: of_method}}))

    assert getattr(result, field) == expected


def test_strategies_of_headers_and_params_are_their_own() -> None:
    strategies = {"headers": "union", "params": "replace"}
    spec = auth(
        vaultAuthGlobalRef=REFERENCE | {"mergeStrategy": strategies},
        headers={"a": "1"},
        params={"a": "1"},
    )

    result = inherit(spec, parent(headers={"b": "2"}, params={"b": "2"}))

    assert (result.headers, result.params) == ({"a": "1", "b": "2"}, {"a": "1"})


def test_headers_are_the_same_whatever_their_case() -> None:
    reference = REFERENCE | {"mergeStrategy": {"headers": "union"}}
    spec = auth(vaultAuthGlobalRef=reference, headers={"X-Team": "own"})

    result = inherit(spec, parent(headers={"x-team": "theirs", "x-org": "o"}))

    assert result.headers == {"X-Team": "own", "x-org": "o"}


TEXTS = st.sampled_from([None, "", "a", "b"])
MAPS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))
STRATEGIES = st.sampled_from([None, "none", "union", "replace"])


@given(
    method=st.none() | st.sampled_from([each.value for each in AuthMethod]),
    default=st.none() | st.sampled_from([each.value for each in AuthMethod]),
    mounts=st.tuples(TEXTS, TEXTS),
    maps=st.tuples(MAPS, MAPS),
    strategy=STRATEGIES,
)
def test_inheriting_again_changes_nothing(
    method: str | None,
    default: str | None,
    mounts: tuple[str | None, str | None],
    maps: tuple[dict[str, str], dict[str, str]],
    strategy: str | None,
) -> None:
    reference = REFERENCE | {"mergeStrategy": {"params": strategy}}
    spec = auth(
        vaultAuthGlobalRef=reference, method=method, mount=mounts[0], params=maps[0]
    )
    above = parent(defaultAuthMethod=default, defaultMount=mounts[1], params=maps[1])

    once = inherit(spec, above)

    assert inherit(once, above) == once
