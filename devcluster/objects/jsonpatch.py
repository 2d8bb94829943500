"""JSON patches: RFC 6902 (operations) and RFC 7396 (merge)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from devcluster.objects.json import JSONValue, Object


class MalformedPatch(Exception):
    """What was sent is no JSON patch."""


class PatchRefused(Exception):
    """A well-formed patch that does not fit the document."""


class _Missing(PatchRefused):
    """A path of the patch leads nowhere."""

    def __init__(self, pointer: str) -> None:
        super().__init__(f"missing path: {pointer}")


def apply_json_patch(document: Object, patch: JSONValue) -> JSONValue:
    """Return the document after all operations, none of it shared.

    Raises MalformedPatch, or PatchRefused for a patch that fails on this document.
    """
    if not isinstance(patch, list):
        raise MalformedPatch("a JSON patch must be a list of operations")
    root: Object = {"": deepcopy(document)}
    for operation in patch:
        _apply(root, operation)
    return root[""]


def merge(document: JSONValue, patch: JSONValue) -> JSONValue:
    """Return the document after a merge patch: null removes, objects merge."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _apply(root: Object, operation: JSONValue) -> None:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise MalformedPatch("a JSON patch operation needs op and path")
    name = operation.get("op")
    if name not in _OPERATIONS:
        raise MalformedPatch(f"unexpected kind of JSON patch operation: {name!r}")
    _OPERATIONS[name](root, operation["path"], operation)


def _do_add(root: Object, pointer: str, operation: Object) -> None:
    _add(root, pointer, deepcopy(_value(operation)))


def _do_remove(root: Object, pointer: str, _: Object) -> None:
    _remove(root, pointer)


def _do_replace(root: Object, pointer: str, operation: Object) -> None:
    holder, last = _parent(root, pointer)
    _child(holder, last, pointer)
    value = deepcopy(_value(operation))
    holder[last if isinstance(holder, dict) else int(last)] = value


def _do_move(root: Object, pointer: str, operation: Object) -> None:
    source = _source(operation)
    if pointer.startswith(f"{source}/"):
        raise PatchRefused(f"{source} cannot be moved into itself")
    _add(root, pointer, _remove(root, source))


def _do_copy(root: Object, pointer: str, operation: Object) -> None:
    _add(root, pointer, deepcopy(_read(root, _source(operation))))


def _do_test(root: Object, pointer: str, operation: Object) -> None:
    if not _same(_read(root, pointer), _value(operation)):
        raise PatchRefused(f"testing value {pointer} failed")


_OPERATIONS: dict[str, Callable[[Object, str, Object], None]] = {
    "add": _do_add,
    "remove": _do_remove,
    "replace": _do_replace,
    "move": _do_move,
    "copy": _do_copy,
    "test": _do_test,
}


def _value(operation: Object) -> JSONValue:
    if "value" not in operation:
        raise MalformedPatch(f"a JSON patch {operation['op']} needs a value")
    return operation["value"]


def _source(operation: Object) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise MalformedPatch(f"a JSON patch {operation['op']} needs a from")
    return source


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise MalformedPatch(f"{pointer!r} is not a JSON pointer")
    # The document hangs below the key "", so the whole of it has a parent too.
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]


def _parent(root: Object, pointer: str) -> tuple[JSONValue, str]:
    *above, last = _steps(pointer)
    value: JSONValue = root
    for step in above:
        value = _child(value, step, pointer)
    return value, last


def _read(root: Object, pointer: str) -> JSONValue:
    holder, last = _parent(root, pointer)
    return _child(holder, last, pointer)


def _child(holder: JSONValue, step: str, pointer: str) -> JSONValue:
    match holder:
        case dict() if step in holder:
            return holder[step]
        case list():
            return holder[_index(step, len(holder) - 1, pointer)]
    raise _Missing(pointer)


def _add(root: Object, pointer: str, value: object) -> None:
    holder, last = _parent(root, pointer)
    match holder:
        case dict():
            holder[last] = value
        case list():
            end = len(holder)
            holder.insert(end if last == "-" else _index(last, end, pointer), value)
        case _:
            raise _Missing(pointer)


def _remove(root: Object, pointer: str) -> JSONValue:
    holder, last = _parent(root, pointer)
    removed = _child(holder, last, pointer)
    del holder[last if isinstance(holder, dict) else int(last)]
    return removed


def _index(step: str, highest: int, pointer: str) -> int:
    if not (step == "0" or (step.isdecimal() and not step.startswith("0"))):
        raise _Missing(pointer)
    if int(step) > highest:
        raise _Missing(pointer)
    return int(step)


def _same(left: object, right: object) -> bool:
    # Python holds True and 1 for equal, JSON does not.
    match left, right:
        case dict(), dict():
            return left.keys() == right.keys() and all(
                _same(left[key], right[key]) for key in left
            )
        case list(), list():
            return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right
