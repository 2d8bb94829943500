"""Secrets and ConfigMaps: what the server does to them and what it refuses."""

from __future__ import annotations

import base64

import pytest

from tests.contract.rows import embedded_only
from tests.support.kubeapi import KubeApi, Object

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE = base64.b64encode(b"1").decode()
TWO = base64.b64encode(b"2").decode()


def secret(name: str, **fields: object) -> Object:
    return {"metadata": {"name": name}, **fields}


async def test_string_data_is_folded_into_data(api: KubeApi, secrets: str) -> None:
    created = await api.create(secrets, secret("s", stringData={"k": "1"}))

    assert created.body["data"] == {"k": ONE}
    assert "stringData" not in created.body


async def test_type_defaults_to_opaque(api: KubeApi, secrets: str) -> None:
    created = await api.create(secrets, secret("s"))

    assert created.body["type"] == "Opaque"


async def test_type_never_changes(api: KubeApi, secrets: str) -> None:
    await api.create(secrets, secret("s"))

    patched = await api.patch(f"{secrets}/s", {"type": "example.com/other"})

    assert (patched.status, patched.causes) == (422, [("FieldValueInvalid", "type")])


async def test_immutable_secret_keeps_its_data(api: KubeApi, secrets: str) -> None:
    await api.create(secrets, secret("s", data={"k": ONE}, immutable=True))

    patched = await api.patch(f"{secrets}/s", {"data": {"k": TWO}})

    assert (patched.status, patched.causes) == (422, [("FieldValueForbidden", "data")])


async def test_immutable_secret_stays_immutable(api: KubeApi, secrets: str) -> None:
    await api.create(secrets, secret("s", immutable=True))

    patched = await api.patch(f"{secrets}/s", {"immutable": False})

    assert patched.status == 422
    assert patched.causes == [("FieldValueForbidden", "immutable")]


async def test_data_that_is_no_base64_is_refused(api: KubeApi, secrets: str) -> None:
    created = await api.create(secrets, secret("s", data={"k": "!!"}))

    assert (created.status, created.reason) == (400, "BadRequest")


async def test_line_ends_within_base64_are_left_out(api: KubeApi, secrets: str) -> None:
    created = await api.create(
        secrets, secret("s", data={"k": f"{ONE[:2]}\n{ONE[2:]}"})
    )

    assert created.body["data"] == {"k": ONE}


async def test_key_that_is_no_file_name_is_refused(api: KubeApi, secrets: str) -> None:
    created = await api.create(secrets, secret("s", data={"a/b": ONE}))

    assert created.causes == [("FieldValueInvalid", "data[a/b]")]


async def test_more_than_a_mebibyte_is_refused(api: KubeApi, secrets: str) -> None:
    large = base64.b64encode(bytes(1024 * 1024 + 1)).decode()

    created = await api.create(secrets, secret("s", data={"k": large}))

    assert (created.status, created.causes) == (422, [("FieldValueTooLong", "data")])


async def test_mebibyte_is_stored(api: KubeApi, secrets: str) -> None:
    large = base64.b64encode(bytes(1024 * 1024)).decode()

    created = await api.create(secrets, secret("s", data={"k": large}))

    assert created.status == 201


async def test_tls_secret_needs_its_keys(api: KubeApi, secrets: str) -> None:
    created = await api.create(secrets, secret("s", type="kubernetes.io/tls"))

    fields = {field for _, field in created.causes}
    assert created.status == 422
    assert fields == {"data[tls.crt]", "data[tls.key]"}


@embedded_only("Kubernetes 1.20 drops unknown fields without a word")
async def test_unknown_field_is_refused_when_asked_for(
    api: KubeApi, secrets: str
) -> None:
    wrong = secret("s", dta={"k": ONE})

    created = await api.create(secrets, wrong, fieldValidation="Strict")

    assert (created.status, created.reason) == (400, "BadRequest")
    assert 'unknown field "dta"' in created.message


async def test_config_map_keeps_texts_and_bytes(api: KubeApi, config_maps: str) -> None:
    content = {"data": {"a": "1"}, "binaryData": {"b": ONE}}

    created = await api.create(config_maps, secret("c", **content))

    assert {key: created.body[key] for key in content} == content


async def test_immutable_config_map_keeps_its_data(
    api: KubeApi, config_maps: str
) -> None:
    await api.create(config_maps, secret("c", data={"a": "1"}, immutable=True))

    patched = await api.patch(f"{config_maps}/c", {"data": {"a": "2"}})

    assert (patched.status, patched.causes) == (422, [("FieldValueForbidden", "data")])
