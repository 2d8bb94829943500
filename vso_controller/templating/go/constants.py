"""What constants in a template mean: numbers, characters and strings as in Go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vso_controller.templating.values import text

_INT = re.compile(
    r"[+-]?(0[xX](_?[0-9a-fA-F])+|0[bB](_?[01])+|0[oO](_?[0-7])+|0(_?[0-7])*"
    r"|[1-9](_?[0-9])*)"
)
_DECIMAL = re.compile(
    r"[+-]?([0-9](_?[0-9])*\.?([0-9](_?[0-9])*)?|\.[0-9](_?[0-9])*)"
    r"([eE][+-]?[0-9](_?[0-9])*)?"
)
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX]_?(?:[0-9a-fA-F](_?[0-9a-fA-F])*\.?([0-9a-fA-F](_?[0-9a-fA-F])*)?"
    r"|\.[0-9a-fA-F](_?[0-9a-fA-F])*)[pP][+-]?[0-9](_?[0-9])*"
)
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
_LARGEST_INT, _LARGEST_UINT = 2**63 - 1, 2**64 - 1
_LARGEST_BYTE, _LARGEST_RUNE = 0xFF, 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_LONGEST = 400  # digits; more than that is no number that a type could hold

_Found = tuple[int, str, bool]
"""A character or a byte, what follows it, and whether it is a byte."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant, as each type of number that can hold it."""

    ideal: (
        int | float | complex | None
    )  # as where no type is asked for; None: too large
    as_int: int | None  # None: it is no integer, or too large
    as_float: float | None


def parse_number(written: str) -> Number | None:
    """Return what a number or a complex number means, None if it means nothing."""
    if written.endswith("i"):
        return _complex(written)
    if _INT.fullmatch(written):
        return _integer(written)
    value = parse_float(written)
    if value is None or not any(letter in written for letter in ".eEpP"):
        return None
    return Number(value, _whole(value), value)


def parse_float(written: str) -> float | None:
    """Return what a floating-point number means, None if it means nothing."""
    if len(written) > _LONGEST:
        return None
    plain = written.replace("_", "")
    if _DECIMAL.fullmatch(written):
        value = float(plain)
    elif _HEXADECIMAL.fullmatch(written):
        try:
            value = float.fromhex(plain)
        except OverflowError:
            return None
    else:
        return None
    return value if abs(value) != float("inf") else None


def parse_rune(written: str) -> int | None:
    """Return the character constant, in its quotes, None if it is none."""
    if len(written) <= len("''"):
        return None
    found = _next(written[1:], quote="'")
    if found is None:
        return None
    value, rest, _ = found
    return value if rest == "'" else None


def unquote(written: str) -> str | None:
    """Return the string of a literal in its quotes, None if it is malformed."""
    if written[0] == "`":
        return written[1:-1].replace("\r", "")
    rest, parts = written[1:-1], bytearray()
    while rest:
        found = _next(rest, quote='"')
        if found is None:
            return None
        value, rest, is_byte = found
        if is_byte:
            parts.append(value)
        else:
            parts += chr(value).encode("utf-8", "surrogateescape")
    return text(bytes(parts))


def _next(rest: str, *, quote: str) -> _Found | None:
    """Return the first character of `rest`; None where none may be like that."""
    letter = rest[0]
    if letter in {quote, "\n"}:
        return None
    if letter != "\\":
        return ord(letter), rest[1:], False
    kind = rest[1:2]
    if kind == quote or kind in _ESCAPES:
        return ord(_ESCAPES.get(kind, kind)), rest[2:], False
    if kind in _HEX_LENGTHS:
        end = 2 + _HEX_LENGTHS[kind]
        return _coded(rest[2:end], 16, end - 2, rest[end:], is_byte=kind == "x")
    return _coded(rest[1:4], 8, 3, rest[4:], is_byte=True)


def _coded(
    digits: str, base: int, length: int, rest: str, *, is_byte: bool
) -> _Found | None:
    if len(digits) != length or not digits.isalnum() or not digits.isascii():
        return None
    try:
        value = int(digits, base)
    except ValueError:
        return None
    if is_byte:
        return (value, rest, True) if value <= _LARGEST_BYTE else None
    if value > _LARGEST_RUNE or value in _SURROGATES:
        return None
    return value, rest, False


def _integer(written: str) -> Number | None:
    if len(written) > _LONGEST:
        return None
    digits = written.replace("_", "").lstrip("+-")
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower())
    if base is None:
        base = 8 if digits.startswith("0") and len(digits) > 1 else 10
        value = int(digits, base)
    else:
        value = int(digits[2:], base)
    signed = written[0] in "+-"
    if written[0] == "-":
        value = -value
    if -_LARGEST_INT - 1 <= value <= _LARGEST_INT:
        return Number(value, value, float(value))
    if not signed and value <= _LARGEST_UINT:
        return Number(None, None, float(value))
    return None


def _complex(written: str) -> Number | None:
    split = max(written.rfind("+", 1), written.rfind("-", 1))
    while split > 0 and written[split - 1] in "eEpP":
        split = max(written.rfind("+", 1, split), written.rfind("-", 1, split))
    real = parse_float(written[:split]) if split > 0 else 0.0
    imaginary = parse_float(written[max(split, 0) : -1])
    if real is None or imaginary is None:
        return None
    if imaginary:
        return Number(complex(real, imaginary), None, None)
    return Number(complex(real, 0.0), _whole(real), real)


def _whole(value: float) -> int | None:
    if abs(value) > float(_LARGEST_INT) or value != int(value):
        return None
    return int(value)
