"""Declaring functions that pay for what they read, before they read it.

What a function builds beyond that it pays for itself: see `Budget`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps

from vso_controller.templating.registry import Environment, Function, function

ELEMENT = 64
"""What an element of a list or a map counts as, in bytes."""
BY_LETTER = 16
"""The weight of a function that looks at each letter in Python."""


def reading(
    name: str,
    signature: str,
    *,
    weight: int = 1,
    environment: bool = False,
    is_deterministic: bool = True,
) -> Callable[[Callable[..., object]], Function]:
    """Declare a function that pays for each byte and each element of its arguments.

    `weight` is how much dearer a byte is than one that is merely copied.
    """

    def declare(call: Callable[..., object]) -> Function:
        @wraps(call)
        def paid(run: Environment, *arguments: object) -> object:
            run.budget.work(weight * size(arguments))
            return call(run, *arguments) if environment else call(*arguments)

        declared = function(
            name, signature, environment=True, is_deterministic=is_deterministic
        )
        return declared(paid)

    return declare


def size(values: Iterable[object]) -> int:
    """Return the bytes and elements of some values; what lies within is not seen."""
    total = 0
    for value in values:
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, (list, dict)):
            total += ELEMENT * len(value)
    return total
