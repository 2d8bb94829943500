"""JSON byte for byte as Go's `encoding/json` writes it.

What upstream stores (`_raw`, non-string values, MAC messages) is Go's JSON, so
a cluster can only switch without rewriting every Secret if ours is the same:
object keys sorted by their bytes, no spaces, `<`, `>`, `&`, U+2028 and U+2029
escaped, other text as UTF-8, numbers with the literal they came with.
Source: the documentation of Go's package encoding/json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

JSONValue = Any
"""A JSON value: None, bool, str, `Number`, list or dict with string keys."""


class Struct(dict[str, Any]):
    """An object whose keys keep their order, as Go's structs do."""


class Number(str):
    """A JSON number by its literal, as Go's `json.Number`: `1.0` stays `1.0`."""

    __slots__ = ()


def loads(document: bytes, *, number: Callable[[str], JSONValue] = Number) -> JSONValue:
    """Parse JSON and keep every number's literal, or make a `number` of it.

    Half of a surrogate pair becomes U+FFFD, as it does in Go.

    Raises ValueError for anything that is not one JSON document, `NaN` and
    `Infinity` included, and for nesting beyond what the parser can take.
    """
    try:
        value = json.loads(
            document.decode(),
            parse_int=number,
            parse_float=number,
            parse_constant=_refuse_constant,
        )
        return _whole(value) if _SURROGATE.search(document) else value
    except RecursionError as error:
        raise ValueError("the JSON document is nested too deeply") from error


def dumps(value: JSONValue, *, escapes_html: bool = True) -> bytes:
    """Encode as Go does, map keys sorted. Raises TypeError for foreign types.

    The largest depth is what the interpreter's recursion limit allows; beyond
    it ValueError is raised.
    """
    parts: list[str] = []
    try:
        _write(value, parts, _ESCAPES if escapes_html else _PLAIN_ESCAPES)
    except RecursionError as error:
        raise ValueError("the value is nested too deeply for JSON") from error
    return "".join(parts).encode()


def indented(document: str, indent: str) -> str:
    """Return compact JSON with a line for each member, as `json.MarshalIndent`."""
    return "".join(_indented(document, indent))


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALVES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def _whole(value: JSONValue) -> JSONValue:
    """Return `value` without halves of surrogate pairs."""
    match value:
        case Number():
            return value
        case str():
            return value.translate(_HALVES)
        case dict():
            return {_whole(key): _whole(each) for key, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case _:
            return value


def _indented(document: str, indent: str) -> Iterator[str]:
    depth = 0
    for token in _TOKENS.findall(document):
        if token in {"{", "["}:
            depth += 1
            yield f"{token}\n{indent * depth}"
        elif token in {"}", "]"}:
            depth -= 1
            yield f"\n{indent * depth}{token}"
        elif token == ",":
            yield f",\n{indent * depth}"
        else:
            yield ": " if token == ":" else token


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|\{\}|\[\]|[][{},:]|[^]"{},:[]+')

_Escapes = dict[int, str]


def _write(value: JSONValue, parts: list[str], escapes: _Escapes) -> None:
    match value:
        case None:
            parts.append("null")
        case bool():
            parts.append("true" if value else "false")
        case Number():
            parts.append(str.__str__(value))
        case str():
            parts.append(_quote(value, escapes))
        case int():
            parts.append(str(value))
        case dict():
            _write_object(value, parts, escapes)
        case list() | tuple():
            _write_array(value, parts, escapes)
        case _:
            raise TypeError(f"{type(value).__name__} is not a JSON value")


def _write_object(
    value: dict[str, JSONValue], parts: list[str], escapes: _Escapes
) -> None:
    separator = "{"
    for key in value if isinstance(value, Struct) else sorted(value, key=_utf8):
        parts.append(separator)
        parts.append(_quote(key, escapes))
        parts.append(":")
        _write(value[key], parts, escapes)
        separator = ","
    parts.append("}" if value else "{}")


def _write_array(
    value: list[JSONValue] | tuple[JSONValue, ...], parts: list[str], escapes: _Escapes
) -> None:
    separator = "["
    for item in value:
        parts.append(separator)
        _write(item, parts, escapes)
        separator = ","
    parts.append("]" if value else "[]")


_ESCAPES = (
    {code: f"\\u{code:04x}" for code in (*range(0x20), *b"<>&", 0x2028, 0x2029)}
    | {
        ord('"'): '\\"',
        ord("\\"): "\\\\",
        0x08: "\\b",
        0x0C: "\\f",
        ord("\n"): "\\n",
        ord("\r"): "\\r",
        ord("\t"): "\\t",
    }
    | dict.fromkeys(_HALVES, "\\ufffd")
)
_PLAIN_ESCAPES = {
    code: escape for code, escape in _ESCAPES.items() if chr(code) not in "<>&"
}
# A lone surrogate is how Python spells invalid text; Go writes U+FFFD for it,
# and spells that one out as an escape.


def _quote(text: str, escapes: _Escapes) -> str:
    return f'"{text.translate(escapes)}"'


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
