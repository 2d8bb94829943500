"""Integers of 64 bits, floating point numbers, and decimals between the two."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.casting import (
    parse_decimal,
    parse_int,
    to_float,
    to_int,
    wrapped,
)
from vso_controller.templating.functions.paying import reading
from vso_controller.templating.printing import printed
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import Int64, IntList

_MOST_DIGITS = 4096
"""Digits of a decimal in a calculation: what any two floating point numbers need."""
_EXACT = Context(prec=_MOST_DIGITS, Emax=999_999, Emin=-999_999)
_PLACES = 16
"""Decimal places of a quotient."""
_LARGEST_EXPONENT = 400
"""Powers of ten beyond are zero or infinite."""
_DIGIT = 4
"""What it costs to read a digit, compared with a letter that is copied."""
_WHOLE = 2.0**53
"""From here on, all floating point numbers are whole."""

_HALF = 0.5


@reading("int", "(any) int", weight=_DIGIT)
def int_(value: object) -> int:
    """Return the value as an integer; 0 if it is none."""
    return to_int(value)


@reading("int64", "(any) int64", weight=_DIGIT)
def int64(value: object) -> Int64:
    """Return the value as an integer of 64 bits; 0 if it is none."""
    return Int64(to_int(value))


@reading("float64", "(any) float64", weight=_DIGIT)
def float64(value: object) -> float:
    """Return the value as a floating point number; 0 if it is none."""
    return to_float(value)


@reading("atoi", "(string) int", weight=_DIGIT)
def atoi(string: str) -> int:
    """Return the decimal number that the text is; 0 if it is none."""
    return parse_decimal(string)


@reading("toDecimal", "(any) int64", weight=_DIGIT, environment=True)
def to_decimal(run: Environment, value: object) -> Int64:
    """Return the number that octal digits stand for; 0 if there are others."""
    return Int64(parse_int(printed(run.budget, value), 8) or 0)


@reading("add", "(...any) int64", weight=_DIGIT)
def add(*values: object) -> Int64:
    """Return the sum of integers."""
    return _int64(sum(map(to_int, values)))


@reading("add1", "(any) int64", weight=_DIGIT)
def add1(value: object) -> Int64:
    """Return the integer after this one."""
    return _int64(to_int(value) + 1)


@reading("sub", "(any, any) int64", weight=_DIGIT)
def sub(left: object, right: object) -> Int64:
    """Return the difference of two integers."""
    return _int64(to_int(left) - to_int(right))


@reading("mul", "(any, ...any) int64", weight=_DIGIT)
def mul(*values: object) -> Int64:
    """Return the product of integers."""
    product = 1
    for value in values:
        product = wrapped(product * to_int(value))
    return Int64(product)


@reading("div", "(any, any) int64", weight=_DIGIT)
def div(left: object, right: object) -> Int64:
    """Return the quotient of two integers, cut off towards zero."""
    return _int64(_divided(to_int(left), to_int(right))[0])


@reading("mod", "(any, any) int64", weight=_DIGIT)
def mod(left: object, right: object) -> Int64:
    """Return the remainder of two integers; it has the sign of the first one."""
    return _int64(_divided(to_int(left), to_int(right))[1])


@reading("max", "(any, ...any) int64", weight=_DIGIT)
def max_(*values: object) -> Int64:
    """Return the greatest of some integers."""
    return Int64(max(map(to_int, values)))


@reading("biggest", "(any, ...any) int64", weight=_DIGIT)
def biggest(*values: object) -> Int64:
    """Return the same as `max`; an older name of it."""
    return Int64(max(map(to_int, values)))


@reading("min", "(any, ...any) int64", weight=_DIGIT)
def min_(*values: object) -> Int64:
    """Return the least of some integers."""
    return Int64(min(map(to_int, values)))


@reading("addf", "(...any) float64", weight=_DIGIT)
def addf(*values: object) -> float:
    """Return the sum of decimals: 0.1 and 0.2 are 0.3."""
    return _calculated(_EXACT.add, (0.0, *values))


@reading("add1f", "(any) float64", weight=_DIGIT)
def add1f(value: object) -> float:
    """Return the decimal that is one more."""
    return _calculated(_EXACT.add, (value, 1.0))


@reading("subf", "(any, ...any) float64", weight=_DIGIT)
def subf(*values: object) -> float:
    """Return the first decimal less all the others."""
    return _calculated(_EXACT.subtract, values)


@reading("mulf", "(any, ...any) float64", weight=_DIGIT, environment=True)
def mulf(run: Environment, *values: object) -> float:
    """Return the product of decimals."""
    run.budget.work(_MOST_DIGITS * len(values))
    return _calculated(_EXACT.multiply, values)


@reading("divf", "(any, ...any) float64", weight=_DIGIT, environment=True)
def divf(run: Environment, *values: object) -> float:
    """Return the first decimal divided by all the others, to 16 places each time."""
    run.budget.work(_MOST_DIGITS * len(values))
    return _calculated(_quotient, values)


@reading("maxf", "(any, ...any) float64", weight=_DIGIT)
def maxf(*values: object) -> float:
    """Return the greatest of some floating point numbers."""
    return _extreme(max, values)


@reading("minf", "(any, ...any) float64", weight=_DIGIT)
def minf(*values: object) -> float:
    """Return the least of some floating point numbers."""
    return _extreme(min, values)


@reading("floor", "(any) float64", weight=_DIGIT)
def floor(value: object) -> float:
    """Return the greatest whole number that is not above this one."""
    return _whole(math.floor, to_float(value))


@reading("ceil", "(any) float64", weight=_DIGIT)
def ceil(value: object) -> float:
    """Return the least whole number that is not below this one."""
    return _whole(math.ceil, to_float(value))


@reading("round", "(any, int, ...float64) float64", weight=_DIGIT)
def round_(value: object, places: int, *threshold: float) -> float:
    """Return the number with so many decimal places, rounded up from 0.5 on."""
    power = _power_of_ten(places)
    scaled = power * to_float(value)
    fraction = math.modf(scaled)[0] if math.isfinite(scaled) else math.nan
    change = math.ceil if fraction >= (threshold or (0.5,))[0] else math.floor
    rounded = _whole(change, scaled)
    return _ieee_divided(rounded, power)


@reading("until", "(int) []int", environment=True)
def until(run: Environment, count: int) -> IntList:
    """Return the integers from 0 up to this one, or down to it, which is left out."""
    return _counted(run, range(0, count, -1 if count < 0 else 1))


@reading("untilStep", "(int, int, int) []int", environment=True)
def until_step(run: Environment, start: int, stop: int, step: int) -> IntList:
    """Return the integers from the first one on, in steps, without the second one."""
    return _counted(run, _steps(start, stop, step))


@reading("seq", "(...int) string", environment=True)
def seq(run: Environment, *parameters: int) -> str:
    """Return the integers up to the last one as text, as the shell's `seq` does."""
    match parameters:
        case [end]:
            start, step = 1, None
        case [start, end]:
            step = None
        case [start, step, end]:
            pass
        case _:
            return ""
    direction = -1 if end < start else 1
    if step is None:
        step = direction
    return " ".join(map(str, _counted(run, _steps(start, end + direction, step))))


def _int64(number: int) -> Int64:
    return Int64(wrapped(number))


def _divided(left: int, right: int) -> tuple[int, int]:
    if right == 0:
        raise FunctionError("division by zero")
    quotient = abs(left) // abs(right)
    quotient = quotient if (left < 0) == (right < 0) else -quotient
    return quotient, left - quotient * right


def _calculated(
    operation: Callable[[Decimal, Decimal], Decimal], values: tuple[object, ...]
) -> float:
    first, *others = map(_decimal, values)
    try:
        for other in others:
            first = operation(first, other)
    except DecimalException:
        raise FunctionError("the result has too many digits") from None
    # A decimal has no negative zero.
    return float(first) if first else 0.0


def _decimal(value: object) -> Decimal:
    number = to_float(value)
    if not math.isfinite(number):
        raise FunctionError("there is no decimal for an infinity, or for no number")
    return Decimal(repr(number))


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise FunctionError("division by zero")
    scaled = _EXACT.scaleb(left, _PLACES)
    whole, rest = _EXACT.divmod(scaled, right)
    if _EXACT.multiply(_EXACT.abs(rest), Decimal(2)) >= _EXACT.abs(right):
        away = Decimal(1 if (left < 0) == (right < 0) else -1)
        whole = _EXACT.add(whole, away)
    return _EXACT.scaleb(whole, -_PLACES)


def _extreme(choose: Callable[..., float], values: tuple[object, ...]) -> float:
    """Return what Go's math.Max or math.Min does: infinities come before no number."""
    numbers = [to_float(value) for value in values]
    if any(map(math.isnan, numbers)):
        return _extreme_without_number(choose, numbers)
    # Of two zeros the positive one is the greater.
    return choose(numbers, key=lambda each: (each, math.copysign(1, each)))


def _extreme_without_number(
    choose: Callable[..., float], numbers: list[float]
) -> float:
    last = math.inf if choose is max else -math.inf
    return last if last in numbers else math.nan


def _whole(change: Callable[[float], int], number: float) -> float:
    if not math.isfinite(number) or abs(number) >= _WHOLE:
        return number
    return math.copysign(float(change(number)), number)


def _power_of_ten(exponent: int) -> float:
    """Return a power of ten, by the squarings of Go's math.Pow, and so rounded."""
    if abs(exponent) > _LARGEST_EXPONENT:
        return math.inf if exponent > 0 else 0.0
    power, shift, rest = 1.0, 0, abs(exponent)
    square, square_shift = math.frexp(10.0)
    while rest:
        if rest & 1:
            power *= square
            shift += square_shift
        square *= square
        square_shift *= 2
        if square < _HALF:
            square *= 2
            square_shift -= 1
        rest >>= 1
    if exponent < 0:
        power, shift = 1 / power, -shift
    try:
        return math.ldexp(power, shift)
    except OverflowError:
        return math.inf


def _ieee_divided(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def _steps(start: int, stop: int, step: int) -> range:
    towards = step < 0 if stop < start else step > 0
    return range(start, stop, step) if towards else range(0)


def _counted(run: Environment, numbers: range) -> IntList:
    # The length of a range has fewer bits than a number here may have.
    count = -((numbers.start - numbers.stop) // numbers.step)
    run.budget.items(max(0, count))
    return IntList(numbers)


FUNCTIONS = (
    int_,
    int64,
    float64,
    atoi,
    to_decimal,
    add,
    add1,
    sub,
    mul,
    div,
    mod,
    max_,
    biggest,
    min_,
    addf,
    add1f,
    subf,
    mulf,
    divf,
    maxf,
    minf,
    floor,
    ceil,
    round_,
    until,
    until_step,
    seq,
)
