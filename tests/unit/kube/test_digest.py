from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from vso_controller.foundation import gojson
from vso_controller.foundation.digest import (
    digest_of,
    digest_with,
    from_mac,
    no_digest,
    to_mac,
)
from vso_controller.foundation.secret import Secret

KEY = b"0123456789abcdef"
DATA = st.dictionaries(st.text(), st.binary())


def mac(message: bytes) -> bytes:
    return hmac.digest(KEY, message, hashlib.sha256)


def test_digest_is_taken_over_what_go_prints() -> None:
    data = {"z": b"", "_raw": b"\x00\xff>", "a<b": b"x"}

    message = b'{"_raw":"AP8+","a\\u003cb":"eA==","z":""}'
    assert digest_of(data, KEY) == mac(message)


def test_mac_of_a_status_is_that_of_upstream() -> None:
    """The message and the MAC were written down by hand, with `openssl` as witness.

    printf '{"_raw":"e30=","user":"YWRtaW4="}' |
    openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef -binary | base64
    """
    made = digest_with(Secret(KEY))({"user": b"admin", "_raw": b"{}"})

    assert to_mac(made) == "jZPFmcE0tK3qW616WOJxvFvgXRBFDx9WAJdSsUrszbw="


def test_no_data_is_an_empty_object() -> None:
    assert digest_of({}, KEY) == mac(b"{}")


@given(data=DATA)
def test_digest_agrees_with_the_encoder_for_any_value(data: dict[str, bytes]) -> None:
    document = {name: b64encode(value).decode() for name, value in data.items()}

    assert digest_of(data, KEY) == mac(gojson.dumps(document))


@given(data=DATA)
def test_order_of_the_keys_does_not_matter(data: dict[str, bytes]) -> None:
    backwards = dict(reversed(data.items()))

    assert digest_of(backwards, KEY) == digest_of(data, KEY)


@given(data=DATA, name=st.text(), value=st.binary(min_size=1))
def test_changed_value_changes_the_digest(
    data: dict[str, bytes], name: str, value: bytes
) -> None:
    before = data | {name: b""}

    assert digest_of(before, KEY) != digest_of(before | {name: value}, KEY)


@given(digest=st.binary(min_size=1))
def test_mac_says_what_the_digest_was(digest: bytes) -> None:
    assert from_mac(to_mac(digest)) == digest


@given(mac=st.none() | st.sampled_from(["", "?", "YQ", "YQ==\n", "\u20ac"]))
def test_mac_that_nobody_can_read_is_none(mac: str | None) -> None:
    assert from_mac(mac) == b""


def test_digest_that_nobody_compares_is_empty() -> None:
    assert no_digest({"a": b"1"}) == b""
