"""How a function of the template library is declared.

    @function("trunc", "(int, string) string")
    def trunc(length: int, string: str) -> str: ...

The signature is Go's, since the evaluator checks arguments as reflect does: what is
not assignable is refused before the function is called. `...` before the last type
makes the function variadic. A function that needs more than its arguments (the budget,
the time, chance) takes an `Environment` first and says so with `environment=True`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from vso_controller.templating.limits import Budget


class Chance(Protocol):
    """Where random bytes come from."""

    def randbytes(self, count: int, /) -> bytes:
        """Return random bytes."""
        ...

    def randrange(self, stop: int, /) -> int:
        """Return a random number that is not negative and less than `stop`."""
        ...


@dataclass(frozen=True, slots=True)
class Environment:
    """What a rendering has besides its data."""

    budget: Budget
    now: Callable[[], datetime]  # aware, UTC
    chance: Chance


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a function, in Go's words (`any` for `interface {}`)."""

    parameters: tuple[str, ...]
    is_variadic: bool  # the last parameter takes any number of arguments
    result: str

    @classmethod
    def of(cls, written: str) -> Signature:
        """Read `(string, ...any) string`. Raises ValueError."""
        match = _SIGNATURE.fullmatch(written)
        if match is None:
            raise ValueError(f"{written!r} is no signature")
        names = tuple(filter(None, match["parameters"].split(", ")))
        is_variadic = bool(names) and names[-1].startswith("...")
        parameters = tuple(name.removeprefix("...") for name in names)
        return cls(parameters, is_variadic, match["result"])

    def __str__(self) -> str:
        names = list(self.parameters)
        if self.is_variadic:
            names[-1] = f"...{names[-1]}"
        return f"({', '.join(names)}) {self.result}"


_SIGNATURE = re.compile(r"\((?P<parameters>[^()]*)\) (?P<result>[^ ]+)")


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the library."""

    name: str
    signature: Signature
    call: Callable[..., object]
    environment: bool = False  # takes the Environment before its arguments
    is_deterministic: bool = True  # the same arguments give the same result, always
    is_slow: bool = False  # on purpose: a set that uses it renders in a thread


Library = Mapping[str, Function]


def function(
    name: str,
    signature: str,
    *,
    environment: bool = False,
    is_deterministic: bool = True,
    is_slow: bool = False,
) -> Callable[[Callable[..., object]], Function]:
    """Declare the decorated callable as the function `name` of the library."""

    def declare(call: Callable[..., object]) -> Function:
        return Function(
            name=name,
            signature=Signature.of(signature),
            call=call,
            environment=environment,
            is_deterministic=is_deterministic,
            is_slow=is_slow,
        )

    return declare


def library(*functions: Iterable[Function]) -> Library:
    """Return all these functions by name. Raises ValueError for a name given twice."""
    found: dict[str, Function] = {}
    for each in (each for group in functions for each in group):
        if each.name in found:
            raise ValueError(f"two functions are called {each.name}")
        found[each.name] = each
    return MappingProxyType(found)
