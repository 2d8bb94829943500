"""Merging dictionaries as dario.cat/mergo does it, with its oddities.

Dictionaries within both are merged; those that only the source has are shared with
it, not copied. Lists are never merged.
"""

from __future__ import annotations

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.functions.defaults import is_empty
from vso_controller.templating.functions.paying import ELEMENT
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import Kind, NilMap, kind_of

_MISSING = object()


class Mismatch(Exception):
    """A dictionary cannot be merged into the object that is in its place."""


def merge_into(
    run: Environment,
    target: dict[str, object],
    source: dict[str, object],
    *,
    overwrites: bool,
    depth: int = 0,
) -> None:
    """Put into `target` what it lacks, or, if it `overwrites`, all that `source` has.

    Raises Mismatch, and LimitReached for what is nested too deeply, or in itself.
    """
    if depth == run.budget.limits.depth:
        raise LimitReached("depth", allowed=depth)
    run.budget.work(ELEMENT * len(source))
    for key, theirs in list(source.items()):
        mine = target.get(key, _MISSING)
        if isinstance(theirs, dict) and isinstance(mine, dict):
            if not isinstance(mine, NilMap):
                merge_into(run, mine, theirs, overwrites=overwrites, depth=depth + 1)
            takes = not mine
        else:
            takes = overwrites or _takes(mine, theirs)
        if takes:
            target[key] = theirs


def _takes(mine: object, theirs: object) -> bool:
    """Return whether `theirs` fills the place of `mine`, where nothing is replaced."""
    if theirs is None:
        return False
    if mine is _MISSING:
        return True
    # What the library trips over: it follows pointers, but not into maps.
    if kind_of(mine) is Kind.PTR and kind_of(theirs) in {Kind.MAP, Kind.STRUCT}:
        raise Mismatch("an object is in the place of a dictionary")
    return is_empty(mine)
