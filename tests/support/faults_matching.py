"""Which requests a fault rule is for, and on which of them it acts.

`Requests` chooses by what a request says of itself. An occasion then chooses by
number: a rule counts its matches from 1. Both print as what they choose.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from tests.support.requestlog import RequestHead


@dataclass(frozen=True, slots=True)
class Requests:
    """Chooses requests; what is left at its default does not matter.

    `path` is a regular expression that is searched in the path as it was sent,
    query excluded. `watch` tells watches from everything else.
    """

    methods: tuple[str, ...] = ()
    path: str = ""
    watch: bool | None = None
    also: Callable[[RequestHead], bool] | None = None

    def include(self, head: RequestHead) -> bool:
        """Whether the request is one of these."""
        return (
            (not self.methods or head.method in self.methods)
            and re.search(self.path, head.path) is not None
            and (self.watch is None or head.is_watch is self.watch)
            and (self.also is None or self.also(head))
        )

    def __str__(self) -> str:
        parts = [
            "|".join(self.methods),
            self.path,
            {None: "", True: "watches", False: "no watches"}[self.watch],
            "" if self.also is None else self.also.__name__,
        ]
        return " ".join(filter(None, parts)) or "everything"


EVERYTHING = Requests()
WATCHES = Requests(watch=True)
WRITES = Requests(methods=("POST", "PUT", "PATCH", "DELETE"))


class Occasion(Protocol):
    """Says on which matches a rule acts, from their numbers and a seed alone."""

    def arises(self, number: int, *, seed: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Always:
    """On every match."""

    def arises(self, number: int, *, seed: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Nth:
    """On the n-th match alone."""

    n: int

    def arises(self, number: int, *, seed: str) -> bool:
        return number == self.n


@dataclass(frozen=True, slots=True)
class EveryNth:
    """On the n-th match, the 2n-th and so on."""

    n: int

    def arises(self, number: int, *, seed: str) -> bool:
        return number % self.n == 0


@dataclass(frozen=True, slots=True)
class First:
    """On the first `n` matches."""

    n: int

    def arises(self, number: int, *, seed: str) -> bool:
        return number <= self.n


@dataclass(frozen=True, slots=True)
class Chance:
    """On a share of the matches, drawn for each from the seed and its number.

    So a seed says of every match whether it is hit, in whatever order the
    matches of other rules fall between.
    """

    probability: float

    def arises(self, number: int, *, seed: str) -> bool:
        return Random(f"{seed}/{number}").random() < self.probability  # noqa: S311


ALWAYS = Always()
