"""Declaring what a template may call on an object, with the checks of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from vso_controller.templating.errors import FunctionError

P = ParamSpec("P")
V = TypeVar("V")
R = TypeVar("R")


def method(
    *types: type,
) -> Callable[[Callable[Concatenate[V, P], R]], Callable[..., R]]:
    """Declare a method that takes arguments of these types.

    The method raises FunctionError for any others, or for another number of them.
    """

    def declare(call: Callable[Concatenate[V, P], R]) -> Callable[..., R]:
        @wraps(call)
        def checked(value: V, *arguments: P.args, **named: P.kwargs) -> R:
            if len(arguments) != len(types):
                wanted = f"{len(types)} arguments are needed"
                raise FunctionError(f"{wanted}, {len(arguments)} were given")
            for argument, wanted_type in zip(arguments, types, strict=True):
                if not _fits(argument, wanted_type):
                    raise FunctionError("an argument is of the wrong type")
            return call(value, *arguments, **named)

        return checked

    return declare


def _fits(argument: object, wanted: type) -> bool:
    if wanted in {int, str}:
        return type(argument) is wanted
    # A number that is written in a template takes the type that is wanted.
    return isinstance(argument, wanted) or (
        issubclass(wanted, int) and type(argument) is int
    )
