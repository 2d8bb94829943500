"""Calls of the library from Jinja2's language.

Arguments are what the function's signature says, with the one convenience that a number
that Vault sent is a number where one is wanted, and a text where a text is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.go.builtins import BUILTINS
from vso_controller.templating.jinja.operations import Undefined, bounded, number, used
from vso_controller.templating.registry import Environment, Function, Library, Signature
from vso_controller.templating.values import JSONNumber

NOTHING_WILL_DO = frozenset({"default", "coalesce", "empty"})
"""Functions that are there to be given what may not be defined."""

OF_GO = ("html", "index", "js", "len", "print", "printf", "println", "urlquery")
"""Functions of Go's own language for which Jinja2's has no other words."""


def with_those_of_go(library: Library) -> Library:
    """Return the library, and what Go has besides."""
    return {**{name: BUILTINS[name] for name in OF_GO}, **library}


def call(
    function: Function, given: Sequence[object], environment: Environment
) -> object:
    """Return what a function of the library says. Raises TemplateError."""
    environment.budget.step()
    if function.name in NOTHING_WILL_DO:
        given = [None if isinstance(each, Undefined) else each for each in given]
    arguments = list(_fitting(function.signature, [used(each) for each in given]))
    try:
        if function.environment:
            return function.call(environment, *arguments)
        return function.call(*arguments)
    except RecursionError as error:
        raise FunctionError("the value is nested too deeply") from error


def _fitting(signature: Signature, given: Sequence[object]) -> Iterator[object]:
    fixed = len(signature.parameters) - signature.is_variadic
    if len(given) < fixed or (len(given) > fixed and not signature.is_variadic):
        least = "at least " if signature.is_variadic else ""
        raise FunctionError(f"takes {least}{fixed} arguments, has {len(given)}")
    for position, value in enumerate(given):
        wanted = signature.parameters[min(position, len(signature.parameters) - 1)]
        yield _fit(wanted, value)


def _fit(wanted: str, value: object) -> object:
    convert = _CONVERSIONS.get(wanted)
    if convert is None:
        return value  # any, or a type that the function looks at itself
    found = convert(value)
    if found is None:
        raise FunctionError(f"an argument is no {wanted}")
    return found


def _text(value: object) -> object:
    if isinstance(value, JSONNumber):
        return str(value)
    return value if isinstance(value, str) else None


def _whole(value: object) -> object:
    found = number(value)
    return bounded(found) if isinstance(found, int) else None


def _real(value: object) -> object:
    found = number(value)
    return None if found is None else float(found)


def _instance(kind: type) -> Callable[[object], object]:
    return lambda value: value if isinstance(value, kind) else None


_CONVERSIONS: Mapping[str, Callable[[object], object]] = {
    "string": _text,
    "int": _whole,
    "int64": _whole,
    "float64": _real,
    "bool": _instance(bool),
    "[]any": _instance(list),
    "map[string]any": _instance(dict),
}
