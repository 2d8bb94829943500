"""Letters as Go's package `unicode` sees them.

Case mapping is simple: one code point to one code point, so the length in code
points never changes (`ß` has no upper case). Go's functions that walk over the
runes of a string turn each byte that is no UTF-8 into U+FFFD; so does `runes`.
Source: the documentation of Go's packages unicode and strings.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space, which is what Go's `unicode.IsSpace` means."""

_REPLACEMENT = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_CACHED_LETTERS = 4096


def runes(text: str) -> str:
    """Return `text` with U+FFFD for every byte that is no UTF-8."""
    return text if text.isascii() else text.translate(_REPLACEMENT)


def upper(text: str) -> str:
    """Return `text` in upper case."""
    return text.upper() if text.isascii() else "".join(map(to_upper, runes(text)))


def lower(text: str) -> str:
    """Return `text` in lower case."""
    return text.lower() if text.isascii() else "".join(map(to_lower, runes(text)))


@lru_cache(_CACHED_LETTERS)
def to_upper(letter: str) -> str:
    """Return the upper case of one code point."""
    full = letter.upper()
    # The Greek letters with an iota below have a simple upper case that the full
    # mapping takes apart; it is the title case.
    return full if len(full) == 1 else to_title(letter)


@lru_cache(_CACHED_LETTERS)
def to_lower(letter: str) -> str:
    """Return the lower case of one code point."""
    return letter.lower()[0]


@lru_cache(_CACHED_LETTERS)
def to_title(letter: str) -> str:
    """Return the title case of one code point."""
    full = letter.title()
    return full if len(full) == 1 else letter


def is_space(letter: str) -> bool:
    """Say whether a code point is white space."""
    return letter in SPACES


def is_letter(letter: str) -> bool:
    """Say whether a code point is a letter, of whatever case."""
    return unicodedata.category(letter)[0] == "L"


def is_upper(letter: str) -> bool:
    """Say whether a code point is an upper case letter."""
    return unicodedata.category(letter) == "Lu"


def is_lower(letter: str) -> bool:
    """Say whether a code point is a lower case letter."""
    return unicodedata.category(letter) == "Ll"


def is_title(letter: str) -> bool:
    """Say whether a code point is a title case letter, such as `Dž`."""
    return unicodedata.category(letter) == "Lt"


def is_number(letter: str) -> bool:
    """Say whether a code point is a number: a digit, a fraction, a numeral."""
    return unicodedata.category(letter)[0] == "N"


def is_digit(letter: str) -> bool:
    """Say whether a code point is a decimal digit."""
    return unicodedata.category(letter) == "Nd"


def is_punctuation(letter: str) -> bool:
    """Say whether a code point is punctuation; symbols are not."""
    return unicodedata.category(letter)[0] == "P"
