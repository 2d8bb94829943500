"""Cutting, searching, replacing and joining text.

Go's strings are bytes, and these functions count and cut bytes. Where all is ASCII
a byte is a letter, and no bytes are made.
"""

from __future__ import annotations

from collections.abc import Sequence

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions import letters
from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import StringList, StringMap, joined, raw, text

_LATIN_1_SPACES = frozenset(each for each in letters.SPACES if each < "\u0100")
_ELLIPSIS = "..."
_SHORTEST_ABBREVIATION = 4
_SHORTEST_MIDDLE = 7
"""The least width of what has an ellipsis on both sides."""


@reading("trim", "(string) string")
def trim(string: str) -> str:
    """Return the text without white space around it."""
    return string.strip(letters.SPACES)


@reading("trimAll", "(string, string) string")
def trim_all(letters_: str, string: str) -> str:
    """Return the second text without the letters of the first one around it."""
    return string.strip(letters_)


@reading("trimall", "(string, string) string")
def trimall(letters_: str, string: str) -> str:
    """Return the same as `trimAll`; an older name of it."""
    return string.strip(letters_)


@reading("trimPrefix", "(string, string) string")
def trim_prefix(prefix: str, string: str) -> str:
    """Return the second text without the first one before it."""
    if prefix.isascii():
        return string.removeprefix(prefix)
    return text(raw(string).removeprefix(raw(prefix)))


@reading("trimSuffix", "(string, string) string")
def trim_suffix(suffix: str, string: str) -> str:
    """Return the second text without the first one after it."""
    if suffix.isascii():
        return string.removesuffix(suffix)
    return text(raw(string).removesuffix(raw(suffix)))


@reading("contains", "(string, string) bool")
def contains(part: str, string: str) -> bool:
    """Say whether the first text is part of the second one."""
    return part in string if part.isascii() else raw(part) in raw(string)


@reading("hasPrefix", "(string, string) bool")
def has_prefix(prefix: str, string: str) -> bool:
    """Say whether the second text begins with the first one."""
    return raw(string).startswith(raw(prefix))


@reading("hasSuffix", "(string, string) bool")
def has_suffix(suffix: str, string: str) -> bool:
    """Say whether the second text ends with the first one."""
    return raw(string).endswith(raw(suffix))


@reading("trunc", "(int, string) string")
def trunc(length: int, string: str) -> str:
    """Return the first bytes of the text; the last ones, for a negative number."""
    data = raw(string)
    if length < 0:
        return text(data[length:]) if len(data) + length > 0 else string
    return text(data[:length])


@reading("substr", "(int, int, string) string")
def substr(start: int, end: int, string: str) -> str:
    """Return the bytes from the first number up to the second one.

    A negative start is the beginning, a negative end the end.
    """
    data = raw(string)
    length = len(data)
    if start < 0:
        return text(data[: _within(end, length)])
    if end < 0 or end > length:
        return text(data[_within(start, length) :])
    return text(data[_within(start, end) : end])


@reading("abbrev", "(int, string) string")
def abbrev(width: int, string: str) -> str:
    """Return the text, cut to the width with an ellipsis at the end."""
    if width < _SHORTEST_ABBREVIATION:
        return string
    return text(_abbreviated(raw(string), 0, width))


@reading("abbrevboth", "(int, int, string) string")
def abbrevboth(left: int, right: int, string: str) -> str:
    """Return the text from an offset on, cut to a width with ellipses around it."""
    if right < _SHORTEST_ABBREVIATION or (left > 0 and right < _SHORTEST_MIDDLE):
        return string
    return text(_abbreviated(raw(string), left, right))


@reading("repeat", "(int, string) string", environment=True)
def repeat(run: Environment, count: int, string: str) -> str:
    """Return the text so many times."""
    if count < 0:
        raise FunctionError("the number is negative")
    run.budget.work(count * len(string))
    return text(raw(string) * count)


@reading("replace", "(string, string, string) string", environment=True)
def replace(run: Environment, old: str, new: str, string: str) -> str:
    """Return the third text with the second one wherever the first one was."""
    return replaced(run, string, old, new)


@reading("plural", "(string, string, int) string")
def plural(one: str, many: str, count: int) -> str:
    """Return the first text if the number is 1, the second one otherwise."""
    return one if count == 1 else many


@reading("indent", "(int, string) string", environment=True)
def indent(run: Environment, width: int, string: str) -> str:
    """Return the text with so many spaces before each line."""
    return _indented(run, width, string)


@reading("nindent", "(int, string) string", environment=True)
def nindent(run: Environment, width: int, string: str) -> str:
    """Return a new line, and the text with so many spaces before each line."""
    return f"\n{_indented(run, width, string)}"


@reading("nospace", "(string) string", weight=BY_LETTER)
def nospace(string: str) -> str:
    """Return the text without white space.

    As with Sprig, what is not ASCII is taken apart into bytes if there is any.
    """
    kept = [each for each in raw(string).decode("latin-1") if _is_no_space(each)]
    return "".join(kept) if len(kept) < len(raw(string)) else string


@reading("initials", "(string) string", weight=BY_LETTER)
def initials(string: str) -> str:
    """Return the first letter of each word."""
    latin = raw(string).decode("latin-1")
    before = " " + latin
    starts = zip(before, latin, strict=False)
    return "".join(
        letter
        for previous, letter in starts
        if _is_no_space(letter) and not _is_no_space(previous)
    )


@reading("splitList", "(string, string) []string", environment=True)
def split_list(run: Environment, separator: str, string: str) -> StringList:
    """Return the pieces between the separators, as a list."""
    return StringList(_pieces(run, separator, string))


@reading("split", "(string, string) map[string]string", environment=True)
def split(run: Environment, separator: str, string: str) -> StringMap:
    """Return the pieces between the separators, as a dictionary: `_0`, `_1` and on."""
    return _numbered(_pieces(run, separator, string))


@reading("splitn", "(string, int, string) map[string]string", environment=True)
def splitn(run: Environment, separator: str, count: int, string: str) -> StringMap:
    """Return at most so many pieces between the separators, as `split` does."""
    return _numbered(_pieces(run, separator, string, count))


def replaced(run: Environment, string: str, old: str, new: str) -> str:
    """Return `string` with `new` for each `old`. Raises LimitReached."""
    if old.isascii() and new.isascii() and string.isascii():
        run.budget.work(string.count(old) * len(new))
        return string.replace(old, new)
    run.budget.work(len(raw(string)) // max(len(raw(old)), 1) * len(raw(new)))
    if old:
        return text(raw(string).replace(raw(old), raw(new)))
    # An empty text is found before each letter, and Go never cuts one in two.
    return joined([new, *(letter + new for letter in string)])


def _indented(run: Environment, width: int, string: str) -> str:
    if width < 0:
        raise FunctionError("the number is negative")
    run.budget.work(width)
    pad = " " * width
    return pad + replaced(run, string, "\n", f"\n{pad}")


def _within(index: int, end: int) -> int:
    if not 0 <= index <= end:
        raise FunctionError("the text is shorter, or the end comes before the start")
    return index


def _abbreviated(data: bytes, offset: int, width: int) -> bytes:
    if len(data) <= width:
        return data
    kept = width - len(_ELLIPSIS)
    ellipsis = _ELLIPSIS.encode()
    offset = min(offset, len(data) - kept)
    if offset <= _SHORTEST_ABBREVIATION:
        return data[:kept] + ellipsis
    if width < _SHORTEST_MIDDLE:
        return b""
    if offset + kept < len(data):
        return ellipsis + _abbreviated(data[offset:], 0, kept)
    return ellipsis + data[len(data) - kept :]


def _is_no_space(letter: str) -> bool:
    return letter not in _LATIN_1_SPACES


def _pieces(
    run: Environment, separator: str, string: str, count: int = -1
) -> Sequence[str]:
    """Split as Go's `strings.SplitN` does: an empty separator is between letters."""
    if count == 0:
        return []
    if not separator:
        run.budget.items(len(string))
        if 0 < count < len(string):
            return [*string[: count - 1], string[count - 1 :]]
        return list(string)
    if separator.isascii() and string.isascii():
        run.budget.items(string.count(separator) + 1)
        return string.split(separator, max(count - 1, -1))
    data, edge = raw(string), raw(separator)
    run.budget.items(data.count(edge) + 1)
    return [text(each) for each in data.split(edge, max(count - 1, -1))]


def _numbered(pieces: Sequence[str]) -> StringMap:
    return StringMap((f"_{nth}", piece) for nth, piece in enumerate(pieces))


FUNCTIONS = (
    trim,
    trim_all,
    trimall,
    trim_prefix,
    trim_suffix,
    contains,
    has_prefix,
    has_suffix,
    trunc,
    substr,
    abbrev,
    abbrevboth,
    repeat,
    replace,
    plural,
    indent,
    nindent,
    nospace,
    initials,
    split_list,
    split,
    splitn,
)
