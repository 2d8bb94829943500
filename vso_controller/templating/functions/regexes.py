"""Regular expressions in RE2's syntax: no look-around, no back-references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from vso_controller.foundation.regexes import InvalidPattern
from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.patterns import (
    Match,
    Pattern,
    Replacement,
    compiled,
    quote_meta,
)
from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.registry import Environment, Function
from vso_controller.templating.values import (
    NilStringList,
    StringList,
    raw,
    text,
)

_COMPILATION = 256
"""What a byte of a pattern costs, compared with one that is searched."""
_SEARCH = 512
"""What it costs to begin to search anew, in bytes."""
_SCANNED = 2
"""How many bytes are searched, at one place, while one is copied in Python."""


def regex_match(run: Environment, pattern: str, string: str) -> bool:
    """Say whether part of the text matches; never, for a pattern that is none."""
    try:
        return _searched(run, _compiled(run, pattern), string)
    except FunctionError:
        return False


def must_regex_match(run: Environment, pattern: str, string: str) -> bool:
    """Say whether part of the text matches the pattern."""
    return _searched(run, _compiled(run, pattern), string)


def regex_find(run: Environment, pattern: str, string: str) -> str:
    """Return the first part of the text that matches, or an empty text."""
    found = _compiled(run, pattern)
    data = raw(string)
    _pay(run, found, len(data))
    match = found.search(data)
    return text(match.group(data, 0)) if match else ""


def regex_find_all(
    run: Environment, pattern: str, string: str, count: int
) -> StringList:
    """Return at most so many parts that match; all, for a negative number."""
    data = raw(string)
    matches = _matches(run, _compiled(run, pattern), data, count)
    found = StringList(text(each.group(data, 0)) for each in matches)
    return found or NilStringList()


def regex_replace_all(
    run: Environment, pattern: str, string: str, replacement: str
) -> str:
    """Return the text with each match replaced; `${1}` and `${name}` are groups."""
    found = _compiled(run, pattern)
    run.budget.work(BY_LETTER * len(replacement))
    return _replaced(run, found, string, Replacement(replacement, found.names))


def regex_replace_all_literal(
    run: Environment, pattern: str, string: str, replacement: str
) -> str:
    """Return the text with each match replaced by a text as it is."""
    found = _compiled(run, pattern)
    run.budget.work(BY_LETTER * len(replacement))
    return _replaced(run, found, string, Replacement.literal(replacement))


def regex_split(run: Environment, pattern: str, string: str, count: int) -> StringList:
    """Return at most so many pieces between the matches; all, for a negative number."""
    found = _compiled(run, pattern)
    data = raw(string)
    if count == 0:
        return NilStringList()
    if pattern and not data:
        return StringList([""])
    return StringList(map(text, _split(data, _matches(run, found, data, count), count)))


def regex_quote_meta(string: str) -> str:
    """Return a pattern that matches the text and nothing else."""
    return quote_meta(string)


def _compiled(run: Environment, pattern: str) -> Pattern:
    run.budget.work(_COMPILATION * len(pattern))
    try:
        return compiled(pattern)
    except InvalidPattern as error:
        raise FunctionError(f"the pattern is none: {error}") from None


def _searched(run: Environment, pattern: Pattern, string: str) -> bool:
    data = raw(string)
    _pay(run, pattern, len(data))
    return pattern.search(data) is not None


def _pay(run: Environment, pattern: Pattern, length: int) -> None:
    """Pay for one search, as if it looked at all that is left."""
    run.budget.work(_SEARCH + length * pattern.places // _SCANNED)


def _matches(
    run: Environment, pattern: Pattern, data: bytes, count: int
) -> Iterable[Match]:
    limit = count if count >= 0 else None
    return islice(_paid(run, pattern, pattern.matches(data), len(data)), limit)


def _paid(
    run: Environment, pattern: Pattern, matches: Iterator[Match], length: int
) -> Iterator[Match]:
    """Return the matches, each paid for before it is looked for."""
    start = 0
    while True:
        _pay(run, pattern, length - start)
        match = next(matches, None)
        if match is None:
            return
        start = match.end
        yield match


def _replaced(
    run: Environment, pattern: Pattern, string: str, replacement: Replacement
) -> str:
    data = raw(string)
    parts: list[bytes] = []
    end = 0
    for match in _paid(run, pattern, pattern.replacements(data), len(data)):
        parts.append(data[end : match.start])
        if match.end > end or match.start == 0:
            run.budget.work(replacement.size(match))
            parts.append(replacement.of(data, match))
        end = match.end
    return text(b"".join([*parts, data[end:]]))


def _split(data: bytes, matches: Iterable[Match], count: int) -> Iterator[bytes]:
    start, made = 0, 0
    end = 0
    for match in matches:
        if made == count - 1:
            break
        end = match.start
        if match.end:
            yield data[start:end]
            made += 1
        start = match.end
    if end != len(data):
        yield data[start:]


_DECLARED: tuple[tuple[Callable[..., object], str, tuple[str, ...]], ...] = (
    (regex_match, "(string, string) bool", ("regexMatch",)),
    (must_regex_match, "(string, string) bool", ("mustRegexMatch",)),
    (regex_find, "(string, string) string", ("regexFind", "mustRegexFind")),
    (
        regex_find_all,
        "(string, string, int) []string",
        ("regexFindAll", "mustRegexFindAll"),
    ),
    (
        regex_replace_all,
        "(string, string, string) string",
        ("regexReplaceAll", "mustRegexReplaceAll"),
    ),
    (
        regex_replace_all_literal,
        "(string, string, string) string",
        ("regexReplaceAllLiteral", "mustRegexReplaceAllLiteral"),
    ),
    (regex_split, "(string, string, int) []string", ("regexSplit", "mustRegexSplit")),
)


def _declared() -> Iterator[Function]:
    for call, signature, names in _DECLARED:
        for name in names:
            yield reading(name, signature, environment=True)(call)
    yield reading("regexQuoteMeta", "(string) string", weight=2 * BY_LETTER)(
        regex_quote_meta
    )


FUNCTIONS = tuple(_declared())
