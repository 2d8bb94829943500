"""Quotes strings and characters as Go's strconv does."""

from __future__ import annotations

import unicodedata

from vso_controller.templating.values import raw

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}
_BYTES = range(0xDC80, 0xDD00)
"""The code points by which a Go string here has bytes that are no UTF-8."""
_LARGEST_SHORT = 0xFFFF
_LARGEST_RUNE = 0x10FFFF
_REPLACEMENT = 0xFFFD
_SURROGATES = range(0xD800, 0xE000)
_SPACES_THAT_PRINT = " "
_PRINTED_CATEGORIES = frozenset("LMNPS")


def is_print(letter: str) -> bool:
    """Whether Go takes a character to be printable: of white space only U+0020."""
    if letter == _SPACES_THAT_PRINT:
        return True
    return unicodedata.category(letter)[0] in _PRINTED_CATEGORIES


def quoted(string: str, *, ascii_only: bool = False) -> str:
    """Return a string in double quotes, with what does not print escaped."""
    inside = (_escaped(letter, '"', ascii_only=ascii_only) for letter in string)
    return f'"{"".join(inside)}"'


def quoted_rune(code: int, *, ascii_only: bool = False) -> str:
    """Return a character in single quotes; U+FFFD for what is none."""
    if not 0 <= code <= _LARGEST_RUNE or code in _SURROGATES:
        code = _REPLACEMENT
    return f"'{_escaped(chr(code), chr(39), ascii_only=ascii_only)}'"


def can_backquote(string: str) -> bool:
    """Whether a string can stand between back quotes as it is."""
    try:
        string.encode()
    except UnicodeEncodeError:
        return False
    return not any(
        letter in "`\x7f\ufeff" or (letter < " " and letter != "\t")
        for letter in string
    )


def _escaped(letter: str, quote: str, *, ascii_only: bool) -> str:
    code = ord(letter)
    if code in _BYTES:
        return f"\\x{raw(letter)[0]:02x}"
    if letter == quote:
        return f"\\{letter}"
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if is_print(letter) and (letter.isascii() or not ascii_only):
        return letter
    if letter < " " or letter == "\x7f":
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LARGEST_SHORT else f"\\U{code:08x}"
