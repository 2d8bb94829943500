"""Protobuf: what kubectl sends becomes what JSON would have said."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.objects.protobuf import decode_object


def varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return b"k8s\0" + field(1, type_meta) + field(2, raw)


def test_secret_is_read_with_its_bytes_in_base64() -> None:
    metadata = (
        field(1, b"s") + field(3, b"") + field(11, field(1, b"a") + field(2, b"b"))
    )
    data = field(1, b"key") + field(2, b"\xff")
    raw = field(1, metadata) + field(2, data) + field(5, 0)

    value = decode_object(envelope("v1", "Secret", raw))

    assert value == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "labels": {"a": "b"}},
        "data": {"key": "/w=="},
        "immutable": False,
    }


def test_lists_of_texts_and_of_messages_are_read() -> None:
    rule = field(1, b"get") + field(1, b"list") + field(3, b"secrets")

    value = decode_object(envelope("v1", "Role", field(2, rule) + field(2, b"")))

    assert value["rules"] == [{"verbs": ["get", "list"], "resources": ["secrets"]}, {}]


@given(st.integers(0, 2**63 - 1))
def test_numbers_are_read(value: int) -> None:
    spec = field(2, field(4, value))

    read = decode_object(envelope("authentication.k8s.io/v1", "TokenRequest", spec))

    assert read["spec"] == {"expirationSeconds": value}


@given(st.binary(max_size=40))
def test_rubbish_is_refused_or_read_but_never_breaks(data: bytes) -> None:
    with suppress(ValueError):
        decode_object(envelope("v1", "Secret", data))


def test_field_that_would_be_lost_is_refused() -> None:
    raw = field(99, b"something")

    with pytest.raises(ValueError, match="field 99"):
        decode_object(envelope("v1", "Secret", raw))


def test_kind_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="Deployment"):
        decode_object(envelope("apps/v1", "Deployment", b""))


def test_document_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        decode_object(b"{}")
