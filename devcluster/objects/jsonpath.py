r"""The JSONPath that printer columns use.

Fields (`.a.b`, `.a\.b`, `['a.b']`), indices (`[0]`, `[-1]`), `[*]` and filters
(`[?(@.type == "Ready")]`) are understood, nothing else; `compile_path` says so.
Source: the Kubernetes documentation, "JSONPath Support".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable

from devcluster.objects import json
from devcluster.objects.json import JSONValue

Path = Callable[[JSONValue], list[JSONValue]]
"""Finds every value that a path leads to, in order."""

_Step = Callable[[JSONValue], Iterable[JSONValue]]

_COMPARISONS: dict[str, Callable[[JSONValue, JSONValue], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_STEP = re.compile(
    r"""
      \.?\[\?\(\s*@(?P<operand>(?:\.(?:\\.|[\w-])+)+)
        \s*(?P<sign>==|!=|<=|>=|<|>)\s*(?P<literal>"[^"]*"|'[^']*'|[^\s)]+)\s*\)\]
    | \.?\[['"](?P<quoted>[^'"]+)['"]\]
    | \.?\[(?P<index>-?\d+|\*)\]
    | \.(?P<field>(?:\\.|[^.\[\\])+)
    """,
    re.VERBOSE,
)


def compile_path(text: str) -> Path:
    """Compile a path. Raises ValueError for what is not understood."""
    steps: list[_Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise ValueError(f"JSONPath {text!r} is not supported")
        steps.append(_step(found))
        position = found.end()
    return lambda value: _walk(steps, value)


def _walk(steps: list[_Step], value: JSONValue) -> list[JSONValue]:
    values = [value]
    for step in steps:
        values = [each for value in values for each in step(value)]
    return values


def _step(found: re.Match[str]) -> _Step:
    if found["operand"]:
        return _filter(found["operand"], found["sign"], found["literal"])
    if found["index"]:
        return _items(found["index"])
    name = found["quoted"] or re.sub(r"\\(.)", r"\1", found["field"])
    return lambda value: [value[name]] if _has(value, name) else []


def _has(value: object, name: str) -> bool:
    return isinstance(value, dict) and value.get(name) is not None


def _items(index: str) -> _Step:
    if index == "*":
        return lambda value: (
            list(value.values())
            if isinstance(value, dict)
            else (value if isinstance(value, list) else [])
        )
    place = int(index)
    return lambda value: (
        [value[place]]
        if isinstance(value, list) and -len(value) <= place < len(value)
        else []
    )


def _filter(operand: str, sign: str, literal: str) -> _Step:
    path = compile_path(operand)
    compare = _COMPARISONS[sign]
    wanted = _literal(literal)

    def keeps(item: object) -> bool:
        try:
            return any(compare(value, wanted) for value in path(item))
        except TypeError:  # a number and a text have no order
            return False

    return lambda value: filter(keeps, value if isinstance(value, list) else [])


def _literal(text: str) -> object:
    if text[0] in "'\"":
        return text[1:-1]
    return json.decode(text.encode())
