"""Upper and lower case, and the shapes that names of variables have."""

from __future__ import annotations

from collections.abc import Callable

from vso_controller.templating.functions import letters, words
from vso_controller.templating.functions.paying import BY_LETTER, reading

_ONE = "(string) string"
_BY_WORD = 12 * BY_LETTER
"""The weight of a letter that may be a word of its own."""


@reading("upper", _ONE, weight=BY_LETTER)
def upper(string: str) -> str:
    """Return the text in upper case."""
    return letters.upper(string)


@reading("lower", _ONE, weight=BY_LETTER)
def lower(string: str) -> str:
    """Return the text in lower case."""
    return letters.lower(string)


@reading("title", _ONE, weight=2 * BY_LETTER)
def title(string: str) -> str:
    """Return the text with a capital at the beginning of each word."""
    return _mapped_at_starts(string, letters.to_title, _separates)


@reading("untitle", _ONE, weight=2 * BY_LETTER)
def untitle(string: str) -> str:
    """Return the text with a small letter at the beginning of each word."""
    return _mapped_at_starts(string, letters.to_lower, letters.is_space)


@reading("swapcase", _ONE, weight=2 * BY_LETTER)
def swapcase(string: str) -> str:
    """Return the text with small letters for capitals, and the other way round."""
    swapped = []
    at_start = True
    for letter in letters.runes(string):
        if letters.is_upper(letter) or letters.is_title(letter):
            swapped.append(letters.to_lower(letter))
            at_start = False
        elif letters.is_lower(letter):
            change = letters.to_title if at_start else letters.to_upper
            swapped.append(change(letter))
            at_start = False
        else:
            swapped.append(letter)
            at_start = letters.is_space(letter)
    return "".join(swapped)


@reading("snakecase", _ONE, weight=_BY_WORD)
def snakecase(string: str) -> str:
    """Return the words of the text in lower case, with underscores between them."""
    return words.delimited(string, "_")


@reading("kebabcase", _ONE, weight=_BY_WORD)
def kebabcase(string: str) -> str:
    """Return the words of the text in lower case, with hyphens between them."""
    return words.delimited(string, "-")


@reading("camelcase", _ONE, weight=2 * BY_LETTER)
def camelcase(string: str) -> str:
    """Return the words of the text with a capital each, and nothing between them."""
    return words.pascal(string)


def _mapped_at_starts(
    string: str, change: Callable[[str], str], separates: Callable[[str], bool]
) -> str:
    changed = []
    at_start = True
    for letter in letters.runes(string):
        changed.append(change(letter) if at_start and not separates(letter) else letter)
        at_start = separates(letter)
    return "".join(changed)


def _separates(letter: str) -> bool:
    """Say whether Go's `strings.Title` takes a code point for the end of a word."""
    if letter.isascii():
        return not (letter.isalnum() or letter == "_")
    if letters.is_letter(letter) or letters.is_digit(letter):
        return False
    return letters.is_space(letter)


FUNCTIONS = (upper, lower, title, untitle, swapcase, snakecase, kebabcase, camelcase)
