"""Dictionaries. `set`, `unset` and the merging functions change what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeGuard

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.copying import deep_copy
from vso_controller.templating.functions.merging import Mismatch, merge_into
from vso_controller.templating.functions.paying import ELEMENT, reading
from vso_controller.templating.functions.texts import as_text
from vso_controller.templating.registry import Environment, Function, function
from vso_controller.templating.values import (
    NilMap,
    StringList,
    is_string,
    kind_of,
    raw,
)

Dict = dict[str, object]
_Call = Callable[..., object]
_FEWEST_TO_DIG = 3


def dict_(run: Environment, *values: object) -> Dict:
    """Return a dictionary of keys and values, given by turns."""
    run.budget.work(ELEMENT * len(values))
    names = [as_text(run, each) for each in values[::2]]
    return dict(zip(names, (*values[1::2], ""), strict=False))


def get(entries: Dict, key: str) -> object:
    """Return the value under a key; without the key, an empty text."""
    return entries.get(key, "")


def set_(entries: Dict, key: str, value: object) -> Dict:
    """Put a value under a key, and return the dictionary that was changed."""
    if isinstance(entries, NilMap):
        raise FunctionError("there is no dictionary to put it into")
    entries[key] = value
    return entries


def unset(entries: Dict, key: str) -> Dict:
    """Take a key away, and return the dictionary that was changed."""
    entries.pop(key, None)
    return entries


def has_key(entries: Dict, key: str) -> bool:
    """Say whether the dictionary has a key."""
    return key in entries


def pluck(key: str, *dictionaries: Dict) -> list[object]:
    """Return what is under a key in those dictionaries that have it."""
    return [each[key] for each in dictionaries if key in each]


def keys(*dictionaries: Dict) -> StringList:
    """Return the keys of all dictionaries, sorted within each."""
    return StringList(key for each in dictionaries for key in sorted(each, key=raw))


def values_(entries: Dict) -> list[object]:
    """Return the values of the dictionary, in the order of its keys."""
    return [entries[key] for key in sorted(entries, key=raw)]


def pick(entries: Dict, *wanted: str) -> Dict:
    """Return a dictionary of these keys only."""
    return {key: entries[key] for key in wanted if key in entries}


def omit(entries: Dict, *unwanted: str) -> Dict:
    """Return a dictionary of all keys but these."""
    without = set(unwanted)
    return {key: value for key, value in entries.items() if key not in without}


def merge(run: Environment, target: Dict, *sources: Dict) -> object:
    """Fill what is empty in the first dictionary from the others, and return it."""
    try:
        return _merged(run, target, sources, overwrites=False)
    except Mismatch:
        return ""


def must_merge(run: Environment, target: Dict, *sources: Dict) -> object:
    """Do as `merge`, but fail where an object is in the way of a dictionary."""
    try:
        return _merged(run, target, sources, overwrites=False)
    except Mismatch as error:
        raise FunctionError(str(error)) from None


def merge_overwrite(run: Environment, target: Dict, *sources: Dict) -> object:
    """Put what the others have into the first dictionary, and return it."""
    return _merged(run, target, sources, overwrites=True)


def dig(*path: object) -> object:
    """Return what is under keys within each other, or a default value."""
    if len(path) < _FEWEST_TO_DIG:
        raise FunctionError("a key, a default value and a dictionary are needed")
    *names, fallback, found = path
    _check_has_keys(found)
    for name in names:
        if not is_string(name):
            raise FunctionError(f"a key is of kind {kind_of(name)}, not a string")
    for name in names:
        _check_has_keys(found)
        if not isinstance(found, dict) or name not in found:
            return fallback
        found = found[name]
    return found


def copy(run: Environment, value: object) -> object:
    """Return a copy of lists and dictionaries, and of all that is in them."""
    if value is None:
        raise FunctionError("there is nothing to copy")
    return deep_copy(run, value)


def _merged(
    run: Environment, target: Dict, sources: tuple[Dict, ...], *, overwrites: bool
) -> Dict:
    # A dictionary that is nil stays so outside: Go fills one of its own.
    filled = {} if isinstance(target, NilMap) and any(sources) else target
    for source in sources:
        merge_into(run, filled, source, overwrites=overwrites)
    return filled


def _check_has_keys(value: object) -> TypeGuard[Dict]:
    if type(value) not in {dict, NilMap}:
        raise FunctionError(f"a value of kind {kind_of(value)} has no keys")
    return True


_PLAIN: tuple[tuple[_Call, str, tuple[str, ...]], ...] = (
    (get, "(map[string]any, string) any", ("get",)),
    (set_, "(map[string]any, string, any) map[string]any", ("set",)),
    (unset, "(map[string]any, string) map[string]any", ("unset",)),
    (has_key, "(map[string]any, string) bool", ("hasKey",)),
    (pluck, "(string, ...map[string]any) []any", ("pluck",)),
    (dig, "(...any) any", ("dig",)),
)
_READING: tuple[tuple[_Call, str, tuple[str, ...]], ...] = (
    (keys, "(...map[string]any) []string", ("keys",)),
    (values_, "(map[string]any) []any", ("values",)),
    (pick, "(map[string]any, ...string) map[string]any", ("pick",)),
    (omit, "(map[string]any, ...string) map[string]any", ("omit",)),
)
_PAYING: tuple[tuple[_Call, str, tuple[str, ...]], ...] = (
    (dict_, "(...any) map[string]any", ("dict",)),
    (merge, "(map[string]any, ...map[string]any) any", ("merge",)),
    (must_merge, "(map[string]any, ...map[string]any) any", ("mustMerge",)),
    (
        merge_overwrite,
        "(map[string]any, ...map[string]any) any",
        ("mergeOverwrite", "mustMergeOverwrite"),
    ),
    (copy, "(any) any", ("deepCopy", "mustDeepCopy")),
)


def _declared() -> Iterator[Function]:
    for call, signature, names in _PLAIN:
        yield from (function(name, signature)(call) for name in names)
    for call, signature, names in _READING:
        yield from (reading(name, signature)(call) for name in names)
    for call, signature, names in _PAYING:
        for name in names:
            yield function(name, signature, environment=True)(call)


FUNCTIONS = tuple(_declared())
