"""Numbers made of whatever a template has, as spf13/cast and Go's strconv do it.

What is no number is 0, without an error: that is what Sprig's users know. Integers
wrap around at 64 bits. Source: the documentation of Go's package strconv.
"""

from __future__ import annotations

import math
import re

_DIGITS = "[0-9](?:_?[0-9])*"
_HEX_DIGITS = "[0-9A-Fa-f](?:_?[0-9A-Fa-f])*"
_INTEGERS = {
    2: re.compile("[+-]?0[bB](?:_?[01])+"),
    8: re.compile("[+-]?0(?:[oO](?:_?[0-7])+|(?:_?[0-7])*)"),
    10: re.compile("[+-]?[1-9](?:_?[0-9])*"),
    16: re.compile("[+-]?0[xX](?:_?[0-9A-Fa-f])+"),
}
_INSIGNIFICANT = re.compile("^[+-]?(?:0[xXbB])?0*")
_OCTAL_PREFIX = re.compile("(?<=0)[oO]")
_PLAIN = {8: re.compile("[+-]?[0-7]+"), 10: re.compile("[+-]?[0-9]+")}
_DECIMAL_FLOAT = re.compile(
    rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
)
_HEX_FLOAT = re.compile(
    rf"[+-]?0[xX]_?(?:{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})"
    rf"[pP][+-]?{_DIGITS}"
)
_NO_DIGITS = re.compile("[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
_ZERO_DECIMALS = re.compile(r"\.0+$")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_MOST_DIGITS = 64
"""Of 64 bits, in any base, leading zeros aside."""


def wrapped(number: int) -> int:
    """Return what is left of `number` in 64 bits."""
    return (number - _SMALLEST) % 2**64 + _SMALLEST


def to_int(value: object) -> int:
    """Return `value` as an integer of 64 bits; 0 if it is nothing like it."""
    match value:
        case int():
            return wrapped(int(value))
        case float():
            return _truncated(value)
        case str():
            return parse_int(_ZERO_DECIMALS.sub("", value)) or 0
        case _:
            return 0


def to_float(value: object) -> float:
    """Return `value` as a floating point number; 0 if it is nothing like it."""
    match value:
        case int() | float():
            return float(value)
        case str():
            number = parse_float(value)
            return 0.0 if number is None else number
        case _:
            return 0.0


def parse_int(text: str, base: int = 0) -> int | None:
    """Read an integer of 64 bits; None: it is none, or it does not fit.

    In base 0 a prefix tells the base (`0x`, `0b`, `0o`, `0`), and underscores may
    stand between digits; otherwise the base is 8 or 10.
    """
    forms = _INTEGERS if base == 0 else {base: _PLAIN[base]}
    radix = next((each for each, form in forms.items() if form.fullmatch(text)), None)
    if radix is None:
        return None
    number = _number(_OCTAL_PREFIX.sub("", text.replace("_", "")), radix)
    return number if _SMALLEST <= number <= _LARGEST else None


def parse_decimal(text: str) -> int:
    """Read a decimal integer of 64 bits: 0 if it is none, the nearest if it is longer.

    That is what Go's `strconv.Atoi` returns beside the error that Sprig ignores.
    """
    if not _PLAIN[10].fullmatch(text):
        return 0
    return max(_SMALLEST, min(_number(text, 10), _LARGEST))


def parse_float(text: str) -> float | None:
    """Read a floating point number; None: it is none, or too large."""
    if _NO_DIGITS.fullmatch(text):
        return float(text)
    plain = text.replace("_", "")
    if _HEX_FLOAT.fullmatch(text):
        return _from_hex(plain)
    if not _DECIMAL_FLOAT.fullmatch(text):
        return None
    number = float(plain)
    return number if math.isfinite(number) else None


def _number(digits: str, radix: int) -> int:
    """Return what digits stand for, or some number that 64 bits do not hold."""
    sign = -1 if digits[0] == "-" else 1
    significant = _INSIGNIFICANT.sub("", digits)
    if len(significant) > _MOST_DIGITS:
        return sign * 2**64
    return sign * int(significant or "0", radix)


def _from_hex(text: str) -> float | None:
    try:
        return float.fromhex(text)
    except OverflowError:
        return None


def _truncated(number: float) -> int:
    """Cut off what is behind the point; what does not fit is the smallest integer."""
    if not math.isfinite(number):
        return _SMALLEST
    whole = int(number)
    return whole if _SMALLEST <= whole <= _LARGEST else _SMALLEST
