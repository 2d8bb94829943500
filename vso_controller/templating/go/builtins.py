"""The functions that every Go template has, but `slice`, which Sprig's takes over."""

from __future__ import annotations

from urllib.parse import quote_plus

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.formatting import formatted
from vso_controller.templating.go.running import NOTHING, Absent
from vso_controller.templating.go.truth import equals, is_true, less
from vso_controller.templating.printing import concatenated, line_of
from vso_controller.templating.quoting import is_print
from vso_controller.templating.registry import Environment, function, library
from vso_controller.templating.values import (
    StringMap,
    UInt8,
    is_string,
    kind_of,
    raw,
)

_NO_VALUE = "<no value>"
_LARGEST_SHORT = 0xFFFF
_ESCAPING = 8
"""What it costs to escape a byte, beside the one that it is."""
_HTML = str.maketrans(
    {
        "\0": "\ufffd",
        '"': "&#34;",
        "'": "&#39;",
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
    }
)
_SCRIPT = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


@function("and", "(value, ...value) value")
def and_(*_: object) -> object:
    """Return the first argument that is empty, or the last; evaluates no more."""
    raise NotImplementedError("the evaluator does it")


@function("or", "(value, ...value) value")
def or_(*_: object) -> object:
    """Return the first argument that is not empty, or the last; evaluates no more."""
    raise NotImplementedError("the evaluator does it")


@function("not", "(value) bool")
def not_(value: object) -> bool:
    """Return whether the value is empty."""
    return not is_true(value)


@function("eq", "(value, ...value) bool")
def eq(value: object, *others: object) -> bool:
    """Return whether the first value is one of the others."""
    return equals(value, others)


@function("ne", "(value, value) bool")
def ne(value: object, other: object) -> bool:
    """Return whether two values differ."""
    return not equals(value, (other,))


@function("lt", "(value, value) bool")
def lt(value: object, other: object) -> bool:
    """Return whether the first value is less."""
    return less(value, other)


@function("le", "(value, value) bool")
def le(value: object, other: object) -> bool:
    """Return whether the first value is less or equal."""
    return less(value, other) or equals(value, (other,))


@function("gt", "(value, value) bool")
def gt(value: object, other: object) -> bool:
    """Return whether the first value is greater."""
    return not (less(value, other) or equals(value, (other,)))


@function("ge", "(value, value) bool")
def ge(value: object, other: object) -> bool:
    """Return whether the first value is greater or equal."""
    return not less(value, other)


@function("len", "(value) int")
def len_(value: object) -> int:
    """Return the length of a string (bytes), a list or a map."""
    if isinstance(value, str):
        return len(raw(value))
    if isinstance(value, (bytes, list, dict)):
        return len(value)
    raise FunctionError("it has no length")


@function("index", "(value, ...value) value")
def index(value: object, *indexes: object) -> object:
    """Return an element: `index x 1 "a"` is what Go writes as `x[1]["a"]`."""
    if value is None or isinstance(value, Absent):
        raise FunctionError("index of untyped nil")
    for each in indexes:
        value = _element(value, each)
    return value


def _element(value: object, at: object) -> object:
    if value is None or isinstance(value, Absent):
        raise FunctionError("index of nil")
    if isinstance(value, dict):
        if not is_string(at):
            raise FunctionError("a key is a string")
        lacking = "" if isinstance(value, StringMap) else None
        return value.get(str(at), lacking)
    if isinstance(value, (str, bytes)):
        data = raw(value) if isinstance(value, str) else value
        return UInt8(data[_offset(at, len(data))])
    if isinstance(value, list):
        return value[_offset(at, len(value))]
    raise FunctionError(f"can't index a value of kind {kind_of(value)}")


def _offset(at: object, length: int) -> int:
    if isinstance(at, bool) or not isinstance(at, int):
        raise FunctionError("an index is an integer")
    if not 0 <= at < length:
        raise FunctionError("index out of range")
    return int(at)


@function("call", "(value, ...value) value")
def call(*_: object) -> object:
    """Fail: no value that a template has is a function."""
    raise FunctionError("the value is not a function")


@function("print", "(...any) string", environment=True)
def print_(environment: Environment, *values: object) -> str:
    """Return the values as text, with spaces between those that are no strings."""
    return concatenated(environment.budget, values)


@function("println", "(...any) string", environment=True)
def println(environment: Environment, *values: object) -> str:
    """Return the values as text, with spaces between them and an end of line."""
    return line_of(environment.budget, values)


@function("printf", "(string, ...any) string", environment=True)
def printf(environment: Environment, template: str, *values: object) -> str:
    """Return the values as the verbs of the first argument say."""
    return formatted(environment.budget, template, values)


@function("html", "(...value) string", environment=True)
def html(environment: Environment, *values: object) -> str:
    """Return the values as text for HTML."""
    return _as_text(environment, values).translate(_HTML)


@function("js", "(...value) string", environment=True)
def js(environment: Environment, *values: object) -> str:
    """Return the values as text for a string of JavaScript."""
    return "".join(map(_escaped, _as_text(environment, values)))


@function("urlquery", "(...value) string", environment=True)
def urlquery(environment: Environment, *values: object) -> str:
    """Return the values as text for the query of a URL."""
    return quote_plus(raw(_as_text(environment, values)), safe="~")


def _as_text(environment: Environment, values: tuple[object, ...]) -> str:
    shown = [_NO_VALUE if each is None or each is NOTHING else each for each in values]
    whole = concatenated(environment.budget, shown)
    environment.budget.work(_ESCAPING * len(whole))
    return whole


def _escaped(letter: str) -> str:
    if letter in _SCRIPT:
        return _SCRIPT[letter]
    if letter.isascii() and letter >= " ":
        return letter
    if not letter.isascii() and is_print(letter):
        return letter
    code = ord(letter)
    return f"\\u{code:04X}" if code <= _LARGEST_SHORT else f"\\u{code:X}"


BUILTINS = library(
    (
        *(and_, or_, not_, eq, ne, lt, le, gt, ge),
        *(len_, index, call, print_, println, printf, html, js, urlquery),
    )
)
