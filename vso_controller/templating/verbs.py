"""How each kind of value is formatted by the verbs that fit it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vso_controller.templating.printing import (
    decimal_of,
    exponential,
    positional,
    shortest_float,
)
from vso_controller.templating.quoting import can_backquote, quoted, quoted_rune
from vso_controller.templating.values import SizedInt, raw

_BASES = {"v": 10, "d": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_DIGITS = {10: "d", 2: "b", 8: "o", 16: "x"}
_PREFIXES = {"b": "0b", "x": "0x", "X": "0X"}
_LARGEST_RUNE = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_USUAL_PRECISION = 6


@dataclass(slots=True)
class Flags:
    """What stands between `%` and the verb."""

    sharp: bool = False
    zero: bool = False
    plus: bool = False
    minus: bool = False
    space: bool = False
    sharp_v: bool = False  # `#` of `%#v`, which asks for Go's syntax
    plus_v: bool = False
    width: int | None = None  # characters
    precision: int | None = None

    @property
    def pads_zeros(self) -> bool:
        """Whether zeros fill up to the width, and not spaces."""
        return self.zero and not self.minus


def pad(string: str, flags: Flags, *, zeros: bool = True) -> str:
    """Return the string with what it lacks of the width."""
    missing = (flags.width or 0) - len(string)
    if missing <= 0:
        return string
    if flags.minus:
        return string + " " * missing
    return ("0" if zeros and flags.zero else " ") * missing + string


def format_string(string: str, verb: str, flags: Flags) -> str:
    """Return a string by one of the verbs v, s, x, X and q."""
    if verb in {"x", "X"}:
        return format_bytes(raw(string), verb, flags)
    if flags.precision is not None:
        string = string[: flags.precision]
    if verb == "q" or flags.sharp_v:
        if flags.sharp and can_backquote(string):
            return pad(f"`{string}`", flags)
        return pad(quoted(string, ascii_only=flags.plus), flags)
    return pad(string, flags)


def format_bytes(data: bytes, verb: str, flags: Flags) -> str:
    """Return bytes as hexadecimal digits."""
    if flags.precision is not None:
        data = data[: flags.precision]
    prefix = _PREFIXES[verb] if flags.sharp else ""
    digits = data.hex() if verb == "x" else data.hex().upper()
    if not digits:
        return pad("", flags)
    if not flags.space:
        return pad(prefix + digits, flags)
    pairs = (digits[n : n + 2] for n in range(0, len(digits), 2))
    return pad(" ".join(prefix + pair for pair in pairs), flags)


def format_int(value: int, verb: str, flags: Flags, *, type_: type[int]) -> str | None:
    """Return an integer, None if the verb does not fit."""
    value = int(value)
    if verb == "c":
        return pad(chr(_rune(value)), flags)
    if verb == "q":
        return pad(quoted_rune(value, ascii_only=flags.plus), flags)
    if verb == "U":
        return _unicode(value, flags)
    base = _BASES.get(verb)
    if base is None:
        return None
    if flags.sharp_v and issubclass(type_, SizedInt) and "uint" in type_.TYPE:
        return f"{value:#x}"
    return _integer(value, base, verb, flags)


def _integer(value: int, base: int, verb: str, flags: Flags) -> str:
    if flags.precision == 0 and not value:
        return pad("", flags, zeros=False)
    sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
    digits = format(abs(value), _DIGITS[base])
    digits = digits.upper() if verb == "X" else digits
    least = flags.precision
    if least is None and flags.pads_zeros and flags.width is not None:
        least = flags.width - len(sign)
    digits = digits.rjust(least or 0, "0")
    if verb == "O":
        digits = f"0o{digits}"
    elif flags.sharp and base == _BASES["o"]:
        digits = digits if digits.startswith("0") else f"0{digits}"
    elif flags.sharp:
        digits = _PREFIXES.get(verb, "") + digits
    return pad(sign + digits, flags, zeros=False)


def _unicode(value: int, flags: Flags) -> str:
    code = value % 2**64
    shown = f"U+{code:0{max(flags.precision or 0, 4)}X}"
    if flags.sharp and code <= _LARGEST_RUNE and chr(code).isprintable():
        shown += f" '{chr(code)}'"
    return pad(shown, flags, zeros=False)


def _rune(value: int) -> int:
    is_one = 0 <= value <= _LARGEST_RUNE and value not in _SURROGATES
    return value if is_one else 0xFFFD


def format_float(value: float, verb: str, flags: Flags) -> str | None:
    """Return a floating-point number, None if the verb does not fit."""
    number = _float(value, verb, flags)
    if number is None:
        return None
    sign, unsigned = number[0], number[1:]
    if flags.space and sign == "+" and not flags.plus:
        sign = " "
    elif sign == "+" and math.isfinite(value) and not flags.plus:
        sign = ""
    if not math.isfinite(value):
        if math.isnan(value) and not (flags.space or flags.plus):
            sign = ""
        return pad(sign + unsigned, flags, zeros=False)
    if flags.pads_zeros and flags.width is not None:
        return sign + unsigned.rjust(flags.width - len(sign), "0")
    return pad(sign + unsigned, flags, zeros=False)


def _float(value: float, verb: str, flags: Flags) -> str | None:
    """Return the number with a sign, be it positive."""
    if not math.isfinite(value):
        shown = shortest_float(abs(value)).lstrip("+")
        return ("-" if value < 0 else "+") + shown if verb in "vgGeEfFbxX" else None
    size, sign = abs(value), "-" if math.copysign(1, value) < 0 else "+"
    match verb:
        case "v" | "g" | "G":
            shown = _general(size, flags)
        case "e" | "E":
            shown = _fixed(size, "e", flags)
        case "f" | "F":
            shown = _fixed(size, "f", flags)
        case "x" | "X":
            shown = _hexadecimal(size, flags)
        case "b":
            shown = _binary(size)
        case _:
            return None
    return sign + (shown.upper() if verb in "GEX" else shown)


def _fixed(value: float, verb: str, flags: Flags) -> str:
    precision = _USUAL_PRECISION if flags.precision is None else flags.precision
    return format(value, f"{'#' if flags.sharp else ''}.{precision}{verb}")


def _general(value: float, flags: Flags) -> str:
    if flags.precision is not None:
        precision = flags.precision or 1
        return format(value, f"{'#' if flags.sharp else ''}.{precision}g")
    shown = shortest_float(value)
    if not flags.sharp:
        return shown
    _, digits, point = decimal_of(value)
    digits = digits.ljust(_USUAL_PRECISION, "0")
    form = exponential if "e" in shown else positional
    shown = form(digits, point)
    return shown if "." in shown else f"{shown}."


def _hexadecimal(value: float, flags: Flags) -> str:
    mantissa, exponent = math.frexp(value)
    if not mantissa:
        return "0x0p+00"
    bits = round(mantissa * 2**53)
    fraction = bits - 2**52  # behind the leading 1
    exponent -= 1
    digits = f"{fraction:013x}"
    if flags.precision is None:
        digits = digits.rstrip("0")
    else:
        kept = round(fraction / 16 ** (13 - flags.precision))
        digits = f"{kept:0{flags.precision}x}" if flags.precision else ""
    point = f".{digits}" if digits else ""
    return f"0x1{point}p{exponent:+03d}"


def _binary(value: float) -> str:
    mantissa, exponent = math.frexp(value)
    return f"{round(mantissa * 2**53)}p{exponent - 53:+d}"


def format_complex(value: complex, verb: str, flags: Flags) -> str:
    """Return a complex number by a verb that fits floating-point numbers."""
    had, flags.plus = flags.plus, flags.plus
    real = format_float(value.real, verb, flags) or ""
    flags.plus = True
    imaginary = format_float(value.imag, verb, flags) or ""
    flags.plus = had
    return f"({real}{imaginary}i)"
