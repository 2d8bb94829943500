"""Lists. No function changes the list it is given.

Most exist twice: `must…` differs in Sprig in how it reports an error, and the
template fails either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.casting import to_int
from vso_controller.templating.functions.defaults import is_empty
from vso_controller.templating.functions.equality import Seen
from vso_controller.templating.functions.paying import reading
from vso_controller.templating.registry import Environment, Function
from vso_controller.templating.values import (
    IntList,
    ListList,
    NilList,
    StringList,
    UInt8,
    kind_of,
)

_SAME_TYPE = (StringList, IntList, ListList)
_Call = Callable[..., object]


def _elements(value: object) -> Sequence[object]:
    """Return the elements of a list. Raises FunctionError for anything else."""
    if isinstance(value, list):
        return value
    if isinstance(value, bytes):
        return [UInt8(each) for each in value]
    raise FunctionError(f"a list is needed, not a value of kind {kind_of(value)}")


def list_(*values: object) -> list[object]:
    """Return a list of the values."""
    return list(values)


def append(values: object, value: object) -> list[object]:
    """Return the list with the value behind it."""
    return [*_elements(values), value]


def prepend(values: object, value: object) -> list[object]:
    """Return the list with the value before it."""
    return [value, *_elements(values)]


def concat(*lists: object) -> list[object]:
    """Return the elements of all lists as one."""
    found = [each for values in lists for each in _elements(values)]
    return found or NilList()


def first(values: object) -> object:
    """Return the first element."""
    elements = _elements(values)
    return elements[0] if elements else None


def last(values: object) -> object:
    """Return the last element."""
    elements = _elements(values)
    return elements[-1] if elements else None


def rest(values: object) -> list[object]:
    """Return all elements but the first one."""
    elements = _elements(values)
    return list(elements[1:]) if elements else NilList()


def initial(values: object) -> list[object]:
    """Return all elements but the last one."""
    elements = _elements(values)
    return list(elements[:-1]) if elements else NilList()


def reverse(values: object) -> list[object]:
    """Return the elements from the last one to the first one."""
    return list(reversed(_elements(values)))


def compact(values: object) -> list[object]:
    """Return the elements that are not empty."""
    return [each for each in _elements(values) if not is_empty(each)]


def uniq(run: Environment, values: object) -> list[object]:
    """Return the elements, each once."""
    return list(_each_once(run, _elements(values)))


def without(run: Environment, values: object, *omitted: object) -> list[object]:
    """Return the elements but for those that are among the other values."""
    unwanted = Seen(run, omitted)
    return [each for each in _elements(values) if each not in unwanted]


def has(run: Environment, value: object, values: object) -> bool:
    """Say whether the value is an element of the list."""
    if values is None:
        return False
    return value in Seen(run, _elements(values))


def slice_(values: object, *bounds: object) -> object:
    """Return the elements from the first number on, without the second one."""
    elements = _elements(values)
    if not elements:
        return None
    start = to_int(bounds[0]) if bounds else 0
    end = to_int(bounds[1]) if len(bounds) > 1 else len(elements)
    if not 0 <= start <= end <= len(elements):
        raise FunctionError("the list is shorter, or the end comes before the start")
    if isinstance(values, bytes):
        return values[start:end]
    same = next((each for each in _SAME_TYPE if isinstance(values, each)), list)
    return same(elements[start:end])


def chunk(run: Environment, size: int, values: object) -> ListList:
    """Return the list in lists of so many elements."""
    elements = _elements(values)
    if size == 0:
        raise FunctionError("lists of no elements hold none")
    # Of a negative size there are no lists, or as few as none.
    count = (len(elements) - 1) // size + 1
    if count < 0 or (size < 0 and count):
        raise FunctionError("the number is negative")
    run.budget.items(len(elements))
    starts = range(0, len(elements), size) if count else range(0)
    return ListList(list(elements[start : start + size]) for start in starts)


def _each_once(run: Environment, values: Iterable[object]) -> Iterator[object]:
    seen = Seen(run)
    for value in values:
        if value not in seen:
            seen.add(value)
            yield value


_WITH_ENVIRONMENT: tuple[_Call, ...] = (uniq, without, has, chunk)
_DECLARED: tuple[tuple[_Call, str, tuple[str, ...]], ...] = (
    (list_, "(...any) []any", ("list", "tuple")),
    (append, "(any, any) []any", ("append", "push", "mustAppend", "mustPush")),
    (prepend, "(any, any) []any", ("prepend", "mustPrepend")),
    (concat, "(...any) any", ("concat",)),
    (first, "(any) any", ("first", "mustFirst")),
    (last, "(any) any", ("last", "mustLast")),
    (rest, "(any) []any", ("rest", "mustRest")),
    (initial, "(any) []any", ("initial", "mustInitial")),
    (reverse, "(any) []any", ("reverse", "mustReverse")),
    (compact, "(any) []any", ("compact", "mustCompact")),
    (uniq, "(any) []any", ("uniq", "mustUniq")),
    (without, "(any, ...any) []any", ("without", "mustWithout")),
    (has, "(any, any) bool", ("has", "mustHas")),
    (slice_, "(any, ...any) any", ("slice", "mustSlice")),
    (chunk, "(int, any) [][]any", ("chunk", "mustChunk")),
)


def _declared() -> Iterator[Function]:
    for call, signature, names in _DECLARED:
        environment = call in _WITH_ENVIRONMENT
        for name in names:
            yield reading(name, signature, environment=environment)(call)


FUNCTIONS = tuple(_declared())
