"""Functions that look at more than their arguments: chance and the clock."""

from __future__ import annotations

import bcrypt
import pytest

from tests.unit.templating.functions.calling import call, environment
from vso_controller.templating.errors import FunctionError
from vso_controller.templating.values import Int64


def test_random_number_is_within_its_bounds() -> None:
    run = environment()

    drawn = {call("randInt", -2, 3, run=run) for _ in range(200)}

    assert drawn == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("bounds", [(5, 5), (5, 4), (-(2**63), 2**63 - 1)])
def test_range_without_a_number_is_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(FunctionError, match="not greater"):
        call("randInt", *bounds)


def test_chance_comes_from_outside() -> None:
    same = [call("shuffle", "abcdefgh", run=environment(seed=7)) for _ in range(2)]

    assert same[0] == same[1]
    assert sorted(str(same[0])) == sorted("abcdefgh")
    assert call("shuffle", "abcdefgh", run=environment(seed=8)) != same[0]


def test_letters_are_shuffled_and_not_bytes() -> None:
    assert sorted(str(call("shuffle", "aé☕"))) == sorted("aé☕")


@pytest.mark.parametrize("password", ["", "pä ss☕", "nul\x00inside", "p" * 100])
def test_hash_of_any_password_verifies(password: str) -> None:
    hashed = str(call("bcrypt", password)).encode()

    assert hashed.startswith(b"$2a$04$")
    assert bcrypt.checkpw(password.encode()[:72], hashed)


def test_password_is_cut_after_72_bytes_and_never_refused() -> None:
    run = environment(seed=3)
    other = environment(seed=3)

    longer = call("bcrypt", "p" * 73 + "ignored", run=run)

    assert longer == call("bcrypt", "p" * 72, run=other)


def test_line_of_an_htpasswd_file_has_user_and_hash() -> None:
    user, _, hashed = str(call("htpasswd", "alice", "secret")).partition(":")

    assert user == "alice"
    assert bcrypt.checkpw(b"secret", hashed.encode())
    assert call("htpasswd", "a:b", "secret") == "invalid username: a:b"


@pytest.mark.parametrize(
    ("layout", "then", "ago"),
    [
        ("2006-01-02 15:04:05", "2026-01-02 03:04:00", "5s"),
        ("2006-01-02", "2026-01-01", "27h4m5s"),
        ("2006-01-02", "2026-01-03", "-20h55m55s"),
        ("2006-01-02", "0001-01-01", "2562047h47m16.854775807s"),
    ],
)
def test_clock_comes_from_outside(layout: str, then: str, ago: str) -> None:
    assert call("ago", call("mustToDate", layout, then)) == ago


def test_time_is_also_told_in_seconds_since_1970() -> None:
    assert call("ago", Int64(1767323045)) == "0s"
    assert call("ago", 1767323040) == "5s"
    assert call("ago", "1767323040") == "0s"


def test_time_since_is_rounded_to_its_greatest_unit() -> None:
    assert call("durationRound", call("mustToDate", "2006", "2020")) == "6y"
    assert call("durationRound", "-3h30m") == "3h"
