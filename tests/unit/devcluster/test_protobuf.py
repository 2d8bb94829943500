"""Protobuf: what kubectl sends becomes what JSON would have said."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.protobuf.messages import decode_object
from devcluster.protobuf.wire import number, read_message, text


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


def test_times_and_lists_are_read() -> None:
    metadata = (
        field(8, field(1, 1_700_000_000) + field(2, 0))
        + field(14, b"a/b")
        + field(14, b"c/d")
    )

    value = decode_object(envelope("v1", "Namespace", field(1, metadata)))

    assert value["metadata"] == {
        "creationTimestamp": "2023-11-14T22:13:20Z",
        "finalizers": ["a/b", "c/d"],
    }


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_read_with_their_sign(value: int) -> None:
    data = field(1, value % 2**64)

    assert read_message(data, {1: number("n")}) == {"n": value}


@given(st.binary(max_size=40))
def test_rubbish_is_refused_or_read_but_never_breaks(data: bytes) -> None:
    with suppress(ValueError):
        read_message(data, {1: number("n"), 2: text("t")})


def test_field_that_would_be_lost_is_refused() -> None:
    raw = field(99, b"something")

    with pytest.raises(ValueError, match="field 99"):
        decode_object(envelope("v1", "Secret", raw))


def test_kind_without_a_table_is_refused() -> None:
    with pytest.raises(LookupError, match="Deployment"):
        decode_object(envelope("apps/v1", "Deployment", b""))


def test_document_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        decode_object(b"{}")
