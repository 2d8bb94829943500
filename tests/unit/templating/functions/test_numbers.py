"""Numbers as Go counts: 64 bits, cut off towards zero, decimals in between."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.templating.functions.calling import call
from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.casting import parse_float, parse_int, wrapped

LARGEST = 2**63 - 1
INTEGERS = st.integers(-(2**63), LARGEST)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("010", 8), ("0o17", 15), ("0x1F", 31), ("-0b101", -5), ("1_000", 1000)),
        *(("0", 0), ("-0", 0), ("0_7", 7), ("+5", 5), (str(LARGEST), LARGEST)),
        *(("08", None), ("_1", None), ("1__0", None), ("1_", None), ("", None)),
        *(
            (str(LARGEST + 1), None),
            ("1.5", None),
            ("\N{FULLWIDTH DIGIT FIVE}", None),
            (" 1", None),
        ),
    ],
)
def test_integer_is_read_with_gos_prefixes(text: str, number: int | None) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1_000", 1000.0), ("1e5_0", 1e50)),
        *(("0x1p4", 16.0), ("0x.8p1", 1.0), ("inf", math.inf), ("-Inf", -math.inf)),
        *(("0x10", None), ("1e999", None), (" 1", None), ("1__0", None), ("e5", None)),
    ],
)
def test_floating_point_number_is_read_as_go_reads_it(
    text: str, number: float | None
) -> None:
    assert parse_float(text) == number


@given(INTEGERS, INTEGERS)
def test_integers_wrap_around(left: int, right: int) -> None:
    assert call("add", left, right) == wrapped(left + right)
    assert call("mul", left, right) == wrapped(left * right)
    assert call("sub", left, right) == wrapped(left - right)


@given(INTEGERS, INTEGERS.filter(bool))
def test_quotient_and_remainder_make_the_dividend(left: int, right: int) -> None:
    quotient, remainder = call("div", left, right), call("mod", left, right)

    assert isinstance(quotient, int)
    assert isinstance(remainder, int)
    assert wrapped(quotient * right + remainder) == left
    assert remainder == 0 or (remainder < 0) == (left < 0)


@pytest.mark.parametrize("name", ["div", "mod", "divf"])
def test_division_by_zero_is_refused(name: str) -> None:
    with pytest.raises(FunctionError, match="zero"):
        call(name, 1, "nothing")


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("addf", (0.1, 0.2), 0.3),
        ("subf", (0.3, 0.1), 0.2),
        ("mulf", (1.1, 1.1), 1.21),
        ("divf", (10, 3), 3.3333333333333333),
        ("divf", (2, 3), 0.6666666666666667),
        ("divf", (-2, 3), -0.6666666666666667),
        ("divf", (1, 1e300), 0.0),
        ("mulf", (1e200, 1e200), math.inf),
        ("round", (2.5, 0), 3.0),
        ("round", (-2.5, 0), -3.0),
        ("round", (123.5555, 3), 123.556),
        ("round", (1250, -2), 1300.0),
        ("round", (2.4, 0, 0.3), 3.0),
        ("maxf", (1, "NaN", "inf"), math.inf),
    ],
)
def test_decimals_are_calculated(
    name: str, arguments: tuple[object, ...], result: float
) -> None:
    assert call(name, *arguments) == result


def test_negative_zero_is_kept_by_rounding_and_lost_by_decimals() -> None:
    assert math.copysign(1, float(str(call("ceil", -0.5)))) == -1
    assert math.copysign(1, float(str(call("mulf", -1, 0)))) == 1


@pytest.mark.parametrize("number", ["inf", "nan"])
def test_what_is_no_decimal_is_refused(number: str) -> None:
    with pytest.raises(FunctionError):
        call("addf", number)


def test_number_that_is_too_long_is_the_nearest_one() -> None:
    assert call("atoi", "99999999999999999999") == LARGEST
    assert call("atoi", "-99999999999999999999") == -LARGEST - 1
    assert call("int", "99999999999999999999") == 0
    assert call("duration", "99999999999999999999") == "-1s"
