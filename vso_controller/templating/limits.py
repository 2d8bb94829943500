"""How much one rendering may do. It is counted, never timed."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.templating.errors import LimitReached

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a template set and of one rendering of it."""

    text: int = 64 * 1024  # bytes of a template's text
    tokens: int = 10_000  # words and signs of a text
    nesting: int = 100  # blocks, parentheses and pipelines within each other
    depth: int = 100  # templates that call each other
    steps: int = 100_000  # nodes evaluated, and turns of loops
    work: int = 16 * MEBIBYTE  # bytes that functions read and build, in all
    output: int = MEBIBYTE  # bytes
    items: int = 100_000  # elements of a list that a function makes
    bcrypt_cost: int = 10
    hashes: int = 4  # calls of functions that are slow on purpose


class Budget:
    """What is left of the limits in one rendering."""

    __slots__ = ("_hashes", "_steps", "_work", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._steps = limits.steps
        self._work = limits.work
        self._hashes = limits.hashes

    def step(self, count: int = 1) -> None:
        """Pay for evaluating nodes. Raises LimitReached."""
        self._steps -= count
        if self._steps < 0:
            raise LimitReached("steps", allowed=self.limits.steps)

    def work(self, size: int) -> None:
        """Pay for reading or building `size` bytes, before that. Raises LimitReached.

        An element of a list or a map counts as 64 bytes.
        """
        self._work -= size
        if self._work < 0:
            raise LimitReached("work", allowed=self.limits.work)

    def items(self, count: int) -> None:
        """Pay for making `count` elements, before that. Raises LimitReached."""
        if count > self.limits.items:
            raise LimitReached("items", allowed=self.limits.items)
        self.work(64 * count)

    def hash(self) -> None:
        """Pay for a function that is slow on purpose. Raises LimitReached."""
        self._hashes -= 1
        if self._hashes < 0:
            raise LimitReached("hashes", allowed=self.limits.hashes)
