"""Reading base64 and base32 with Go's idea of where the text went wrong.

Sprig renders the error instead of the data, so the place matters.
Source: the documentation of Go's packages encoding/base64 and encoding/base32.
"""

from __future__ import annotations

import base64
import binascii
import re

_LINE_BREAKS = b"\r\n"
_ALPHABET_64 = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)
_ALPHABET_32 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_PADDING = ord("=")
_PADDED_64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_NEVER_PADDED_32 = {3, 6}
"""So many letters of eight hold no whole number of bytes."""
_LEAST = 2  # letters of the last group
_GROUP = 8  # letters of base 32


class CorruptInput(ValueError):
    """The text is not what it should be from byte `at` on."""

    def __init__(self, at: int) -> None:
        super().__init__(f"corrupt from byte {at} on")
        self.at = at


def decode_base64(data: bytes) -> bytes:
    """Decode standard base64; line breaks are passed over. Raises CorruptInput."""
    plain = data.translate(None, _LINE_BREAKS)
    if len(plain) % 4 == 0 and _PADDED_64.fullmatch(plain):
        return binascii.a2b_base64(plain)
    raise CorruptInput(_fault_64(data))


def decode_base32(data: bytes) -> bytes:
    """Decode standard base32; line breaks are passed over. Raises CorruptInput.

    What follows the padding within the last eight bytes is not looked at.
    """
    plain = data.translate(None, _LINE_BREAKS)
    wrong = (at for at, byte in enumerate(plain) if byte not in _ALPHABET_32)
    length = next(wrong, len(plain))
    fault = _fault_32(plain, length)
    if fault is not None:
        raise CorruptInput(fault)
    return base64.b32decode(plain[:length] + b"=" * (-length % 8))


def _fault_64(data: bytes) -> int:
    """Return where Go notices what is wrong with a text that is wrong."""
    places = [at for at, byte in enumerate(data) if byte not in _LINE_BREAKS]
    for nth, at in enumerate(places):
        if data[at] in _ALPHABET_64:
            continue
        column = nth % 4
        if data[at] != _PADDING or column < _LEAST:
            return at
        return _fault_in_padding(data, places, nth, column)
    # Go counts back from the end as many bytes as the last group has letters.
    return len(data) - len(places) % 4


def _fault_in_padding(data: bytes, places: list[int], nth: int, column: int) -> int:
    if column == _LEAST:
        if nth + 1 == len(places):
            return len(data)
        nth += 1
        if data[places[nth]] != _PADDING:
            return places[nth] - 1
    return places[nth + 1]


def _fault_32(data: bytes, length: int) -> int | None:
    """Return where Go notices what is wrong behind `length` letters; None: nothing."""
    column = length % 8
    rest = len(data) - length - 1
    if rest < 0:
        return length - column if column else None
    if data[length] != _PADDING or column < _LEAST or rest >= _GROUP:
        return length
    if rest + column < _GROUP - 1:
        return len(data)
    padding = data[length + 1 : length + 8 - column]
    stray = next((at for at, byte in enumerate(padding) if byte != _PADDING), None)
    if stray is not None:
        return length + stray
    return length if column in _NEVER_PADDED_32 else None
