"""Values that must turn up nowhere, and the search for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canaries import Canaries, Leak, is_distinctive

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhcHAtc2EifQ.c2lnbmF0dXJl1"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def test_canary_that_is_told_is_a_leak(canaries: Canaries) -> None:
    value = canaries.make("a password")

    canaries.search(f"synced {value}, {value}", "the log")

    assert canaries.leaks == (Leak("a password", "the log", 2),)


def test_leak_is_named_and_its_value_is_not(canaries: Canaries) -> None:
    value = canaries.make("a password")

    (leak,) = canaries.search(value, "the log")

    assert value not in f"{leak} {leak!r}"


def test_text_without_a_canary_is_no_leak(canaries: Canaries) -> None:
    canaries.make("a password")

    assert not canaries.search("synced canary-", "the log")
    assert not canaries.leaks


@given(before=st.binary(), after=st.binary())
def test_canary_is_found_within_base64_of_more(before: bytes, after: bytes) -> None:
    canaries = Canaries()
    value = canaries.make("a password").encode()

    encoded = base64.b64encode(before + value + after).decode()

    assert canaries.search(encoded, "a Secret")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(json.dumps, id="JSON"),
        pytest.param(lambda value: quote(value, safe=""), id="a URL"),
        pytest.param(lambda value: value, id="as it is"),
    ],
)
def test_canary_is_found_however_it_is_written(
    canaries: Canaries, told: Callable[[str], str]
) -> None:
    value = 'pass"word/1 &\n'
    canaries.add(value, "a password")

    assert canaries.search(f"synced {told(value)}", "the log")


def test_what_is_found_where_it_may_be_is_no_leak(canaries: Canaries) -> None:
    value = canaries.make("a password")

    assert canaries.find(value, "the Secret")
    assert not canaries.leaks


def test_each_part_of_a_token_is_a_canary(canaries: Canaries) -> None:
    canaries.add(JWT, "a token")
    header, claims, signature = JWT.split(".")

    assert canaries.search(f"token {claims}", "the log")
    assert canaries.search(f"token {signature}", "the log")
    assert not canaries.search(f"token {header}", "the log"), "all tokens begin so"


@pytest.mark.parametrize(
    ("value", "so"),
    [
        ("s3cret", True),
        ("hvs.CAESIJ1", True),
        ("x", False),
        ("password", False),
        ("123456", False),
    ],
)
def test_only_what_no_text_has_by_chance_is_a_canary(value: str, so: bool) -> None:
    canaries = Canaries()

    canaries.add(value, "a value")

    assert is_distinctive(value) is so
    assert bool(canaries.search(f"a text with {value}", "the log")) is so
