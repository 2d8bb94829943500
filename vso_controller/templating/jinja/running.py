"""One rendering: what it has printed, what its names stand for, what it may do yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.jinja.operations import Undefined
from vso_controller.templating.registry import Environment


@dataclass(slots=True)
class Run:
    """The rendering of one template with all that it includes."""

    environment: Environment
    included: Mapping[str, Piece]  # what can be, by name
    parts: list[str] = field(default_factory=list)
    size: int = 0  # of the parts, in bytes
    depth: int = 0  # nodes within each other, over all includes

    def write(self, text: str) -> None:
        """Print a text. Raises LimitReached."""
        self.size += len(text.encode("utf-8", "surrogateescape"))
        allowed = self.environment.budget.limits.output
        if self.size > allowed:
            raise LimitReached("output", allowed=allowed)
        self.parts.append(text)


class Scope:
    """The names that are seen in one place; those of outer places shine through."""

    __slots__ = ("_names", "_outer", "run")

    def __init__(
        self, run: Run, names: dict[str, object], outer: Scope | None = None
    ) -> None:
        self.run = run
        self._names = names
        self._outer = outer

    def inner(self, names: dict[str, object]) -> Scope:
        """Return a scope within this one: what is set there is not seen here."""
        return Scope(self.run, names, self)

    def set(self, name: str, value: object) -> None:
        """Have a name stand for a value from now on, in this scope."""
        self._names[name] = value

    def get(self, name: str) -> object:
        """Return what a name stands for, Undefined if that is nothing."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._names:  # noqa: SLF001 - of its own class
                return scope._names[name]  # noqa: SLF001
            scope = scope._outer  # noqa: SLF001
        return Undefined(name)


Expression = Callable[[Scope], object]
Statement = Callable[[Scope], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A template that was compiled."""

    body: Statement
    depth: int  # nodes within each other
