"""JSON from and to text, as Go writes and reads it."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from vso_controller.foundation import gojson
from vso_controller.templating.errors import FunctionError, LimitReached
from vso_controller.templating.functions import letters
from vso_controller.templating.functions.casting import parse_float
from vso_controller.templating.functions.paying import ELEMENT
from vso_controller.templating.registry import Environment, Function, function
from vso_controller.templating.values import JSONNumber, Object, is_nil, text

_LARGEST_FLOAT = 1.7976931348623157e308
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_INDENT = "  "
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-6, 1e21  # that are written without exponent
_READING = 8
"""What it costs to read a byte of JSON, or to write one."""


class Unsupported(ValueError):
    """JSON has no way to write a value."""


def from_json(run: Environment, string: str) -> object:
    """Return what JSON text stands for; nil, for text that is none."""
    return _decoded(run, string)[0]


def must_from_json(run: Environment, string: str) -> object:
    """Return what JSON text stands for."""
    value, fault = _decoded(run, string)
    if fault:
        raise FunctionError(fault)
    return value


def to_json(run: Environment, value: object) -> str:
    """Return the value as JSON, or an empty text if there is none for it."""
    try:
        return _encoded(run, value)
    except Unsupported:
        return ""


def must_to_json(run: Environment, value: object) -> str:
    """Return the value as JSON."""
    return _checked(run, value, _encoded)


def to_pretty_json(run: Environment, value: object) -> str:
    """Return the value as JSON in lines, or an empty text if there is none for it."""
    try:
        return _pretty(run, value)
    except Unsupported:
        return ""


def must_to_pretty_json(run: Environment, value: object) -> str:
    """Return the value as JSON in lines."""
    return _checked(run, value, _pretty)


def to_raw_json(run: Environment, value: object) -> str:
    """Return the value as JSON in which `<`, `>` and `&` stand for themselves."""
    return _checked(run, value, _raw)


def _decoded(run: Environment, string: str) -> tuple[object, str]:
    """Return what JSON text stands for, and what is wrong with it."""
    run.budget.work(_READING * len(string))
    run.budget.items(sum(map(string.count, ",[{")))
    _check_depth(string, run.budget.limits.depth)
    too_large = False

    def number(literal: str) -> float:
        nonlocal too_large
        found = parse_float(literal)
        if found is not None:
            return found
        too_large = True
        return -_LARGEST_FLOAT if literal[0] == "-" else _LARGEST_FLOAT

    document = letters.runes(string).encode()
    try:
        value = gojson.loads(document, number=number)
    except ValueError:
        return None, "the text is no JSON"
    return value, "a number is too large" if too_large else ""


def _check_depth(string: str, deepest: int) -> None:
    if string.count("[") + string.count("{") <= deepest:
        return
    depth = 0
    for bracket in _BRACKETS.findall(string):
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > deepest:
            raise LimitReached("depth", allowed=deepest)


def _encoded(run: Environment, value: object) -> str:
    return text(gojson.dumps(_plain(run, value, ())))


def _raw(run: Environment, value: object) -> str:
    return text(gojson.dumps(_plain(run, value, ()), escapes_html=False))


def _pretty(run: Environment, value: object) -> str:
    compact = _encoded(run, value)
    run.budget.work(_READING * len(compact))
    # Each member has a line, and is indented once for each level at most.
    members = sum(map(compact.count, ",[{"))
    run.budget.work(2 * members * len(_INDENT) * min(members, run.budget.limits.depth))
    return gojson.indented(compact, _INDENT)


def _checked(
    run: Environment, value: object, encode: Callable[[Environment, object], str]
) -> str:
    try:
        return encode(run, value)
    except Unsupported as error:
        raise FunctionError(str(error)) from None


def _plain(run: Environment, value: object, path: tuple[object, ...]) -> object:
    """Return a value in terms of what JSON has.

    Raises Unsupported for what it has not, a value within itself among it, and
    LimitReached for what is nested too deeply.
    """
    if is_nil(value) or isinstance(value, bool):
        return None if is_nil(value) else value
    if isinstance(value, Object):
        plain = value.plain()
        return _plain(run, plain, path) if isinstance(plain, dict) else plain
    if isinstance(value, (list, dict)):
        return _plain_members(run, value, path)
    return _plain_scalar(run, value)


def _plain_members(
    run: Environment, value: list[object] | dict[str, object], path: tuple[object, ...]
) -> object:
    if any(value is each for each in path):
        raise Unsupported("the value contains itself")
    if len(path) == run.budget.limits.depth:
        raise LimitReached("depth", allowed=len(path))
    run.budget.work(2 * ELEMENT * len(value))
    path = (*path, value)
    if isinstance(value, list):
        return [_plain(run, each, path) for each in value]
    is_struct = isinstance(value, gojson.Struct)
    entries: dict[str, object] = gojson.Struct() if is_struct else {}
    for key, each in value.items():
        entries[letters.runes(key)] = _plain(run, each, path)
    return entries


def _plain_scalar(run: Environment, value: object) -> object:
    if isinstance(value, JSONNumber):
        return gojson.Number(value)
    if isinstance(value, str):
        run.budget.work(_READING * len(value))
        return letters.runes(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return gojson.Number(_number(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise Unsupported("JSON has no such value")


def _number(number: float) -> str:
    """Return a number with an exponent only where Go writes one."""
    if number == 0 or _SMALLEST_PLAIN <= abs(number) < _LARGEST_PLAIN:
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    return repr(number).replace("e-0", "e-")


_DECLARED: tuple[tuple[Callable[..., object], str, tuple[str, ...]], ...] = (
    (from_json, "(string) any", ("fromJson",)),
    (must_from_json, "(string) any", ("mustFromJson",)),
    (to_json, "(any) string", ("toJson",)),
    (must_to_json, "(any) string", ("mustToJson",)),
    (to_pretty_json, "(any) string", ("toPrettyJson",)),
    (must_to_pretty_json, "(any) string", ("mustToPrettyJson",)),
    (to_raw_json, "(any) string", ("toRawJson", "mustToRawJson")),
)


def _declared() -> Iterator[Function]:
    for call, signature, names in _DECLARED:
        for name in names:
            yield function(name, signature, environment=True)(call)


FUNCTIONS = tuple(_declared())
