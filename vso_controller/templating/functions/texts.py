"""Making text of any value: quoting, joining, sorting."""

from __future__ import annotations

from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.printing import printed
from vso_controller.templating.quoting import quoted
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import StringList, joined, raw, text


@reading("toString", "(any) string", environment=True)
def to_string(run: Environment, value: object) -> str:
    """Return the value as text."""
    return as_text(run, value)


@reading("toStrings", "(any) []string", environment=True)
def to_strings(run: Environment, value: object) -> StringList:
    """Return the elements of a list as text, those that are nil left out."""
    return _as_texts(run, value)


@reading("quote", "(...any) string", weight=BY_LETTER, environment=True)
def quote(run: Environment, *values: object) -> str:
    """Return the values in double quotes, with spaces between them."""
    present = (each for each in values if each is not None)
    return " ".join(quoted(as_text(run, each)) for each in present)


@reading("squote", "(...any) string", environment=True)
def squote(run: Environment, *values: object) -> str:
    """Return the values in single quotes, with spaces between them."""
    present = (each for each in values if each is not None)
    return " ".join(f"'{printed(run.budget, each)}'" for each in present)


@reading("cat", "(...any) string", environment=True)
def cat(run: Environment, *values: object) -> str:
    """Return the values with spaces between them."""
    return " ".join(printed(run.budget, each) for each in values if each is not None)


@reading("join", "(string, any) string", environment=True)
def join(run: Environment, separator: str, value: object) -> str:
    """Return the elements of a list as text, with a separator between them."""
    texts = [str(each) for each in _as_texts(run, value)]
    run.budget.work(len(texts) * len(separator))
    return joined([separator.join(texts)])


@reading("sortAlpha", "(any) []string", environment=True)
def sort_alpha(run: Environment, value: object) -> StringList:
    """Return the elements of a list as text, sorted by their bytes."""
    if not isinstance(value, (list, bytes)):
        return StringList([as_text(run, value)])
    texts = [str(each) for each in _as_texts(run, value)]
    texts.sort(key=raw)
    return StringList(texts)


def as_text(run: Environment, value: object) -> str:
    """Return a value as text: what it prints, but bytes as they are."""
    if isinstance(value, bytes):
        return text(value)
    return printed(run.budget, value)


def _as_texts(run: Environment, value: object) -> StringList:
    if value is None:
        return StringList()
    if isinstance(value, StringList):
        return value
    if not isinstance(value, (list, bytes)):
        return StringList([as_text(run, value)])
    return StringList(as_text(run, each) for each in value if each is not None)


FUNCTIONS = (to_string, to_strings, quote, squote, cat, join, sort_alpha)
