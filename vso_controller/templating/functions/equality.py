"""Whether two values are deeply equal, as Go's reflect.DeepEqual."""

from __future__ import annotations

import math
from collections.abc import Iterable

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.functions.paying import ELEMENT
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import is_nil, type_of


def deeply_equal(run: Environment, left: object, right: object) -> bool:
    """Say whether two values are of one type and have equal parts.

    Raises LimitReached for values that are nested too deeply, or in themselves.
    """
    return _equal(run, left, right, run.budget.limits.depth)


class Seen:
    """Values that were met, to find those that are deeply equal to one of them."""

    def __init__(self, run: Environment, values: Iterable[object] = ()) -> None:
        self._run = run
        self._plain: set[tuple[type, object]] = set()
        self._others: list[object] = []
        for value in values:
            self.add(value)

    def add(self, value: object) -> None:
        """Remember a value."""
        if _is_plain(value):
            self._plain.add((type(value), value))
        else:
            self._others.append(value)

    def __contains__(self, value: object) -> bool:
        if _is_plain(value):
            return (type(value), value) in self._plain
        self._run.budget.work(ELEMENT * len(self._others))
        return any(deeply_equal(self._run, value, each) for each in self._others)


def _is_plain(value: object) -> bool:
    """Say whether Python's equality is Go's: not for lists, and never for NaN."""
    if isinstance(value, float):
        return not math.isnan(value)
    return value is None or isinstance(value, (str, int, bytes))


def _equal(run: Environment, left: object, right: object, depth: int) -> bool:
    if type(left) is not type(right) and type_of(left) != type_of(right):
        return False
    if is_nil(left) != is_nil(right):
        return False
    if left is right and isinstance(left, (list, dict)):
        return True
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and _all_equal(
            run, zip(left, right, strict=True), len(left), depth
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and _all_equal(
            run, ((value, right[key]) for key, value in left.items()), len(left), depth
        )
    return left == right


def _all_equal(
    run: Environment,
    pairs: Iterable[tuple[object, object]],
    count: int,
    depth: int,
) -> bool:
    if depth == 0:
        raise LimitReached("depth", allowed=run.budget.limits.depth)
    run.budget.work(ELEMENT * count)
    return all(_equal(run, one, other, depth - 1) for one, other in pairs)
