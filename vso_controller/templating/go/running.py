"""What a rendering has while it runs: data, variables, output and a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import raw


class Absent(Enum):
    """What is no value, and not even nil."""

    NOTHING = auto()
    """What a map lacks; printed as `<no value>`."""
    NO_ARGUMENT = auto()
    """Nothing was piped."""


NOTHING = Absent.NOTHING
NO_ARGUMENT = Absent.NO_ARGUMENT


class Jump(Enum):
    """How a list of statements ended before its end."""

    BREAK = auto()
    CONTINUE = auto()


class Run:
    """One execution of one template. Templates that it calls have their own."""

    __slots__ = ("budget", "depth", "environment", "output", "templates", "variables")

    def __init__(
        self,
        *,
        environment: Environment,
        templates: Mapping[str, Body],
        output: Output,
        data: object,
        depth: int,
    ) -> None:
        self.environment = environment
        self.budget = environment.budget
        self.templates = templates
        self.output = output
        self.depth = depth
        self.variables: list[tuple[str, object]] = [("$", data)]

    def call(self, name: str, data: object) -> None:
        """Execute another template. Raises LimitReached, KeyError."""
        body = self.templates[name]
        deepest = self.budget.limits.depth
        if self.depth >= deepest:
            raise LimitReached("depth", allowed=deepest)
        body(
            Run(
                environment=self.environment,
                templates=self.templates,
                output=self.output,
                data=data,
                depth=self.depth + 1,
            ),
            data,
        )

    def variable(self, name: str) -> object:
        """Return a variable. Raises KeyError."""
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise KeyError(name)

    def assign(self, name: str, value: object) -> None:
        """Set a variable that is there. Raises KeyError."""
        variables = self.variables
        for number in range(len(variables) - 1, -1, -1):
            if variables[number][0] == name:
                variables[number] = (name, value)
                return
        raise KeyError(name)


class Output:
    """What was printed so far."""

    __slots__ = ("_left", "_most", "_parts")

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._parts: list[str] = []

    def write(self, part: str) -> None:
        """Print some text. Raises LimitReached."""
        self._left -= len(part) if part.isascii() else len(raw(part))
        if self._left < 0:
            raise LimitReached("output", allowed=self._most)
        self._parts.append(part)

    def content(self) -> bytes:
        """Return all that was printed."""
        return raw("".join(self._parts))


Statement = Callable[[Run, object], Jump | None]
Body = Callable[[Run, object], Jump | None]
Evaluate = Callable[[Run, object], object]
"""Gives the value of an operand, for the dot that it is given."""
EvaluateWith = Callable[[Run, object, object], object]
"""Gives the value of a command, for the dot, and what is piped to it."""
