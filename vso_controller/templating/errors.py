"""What can be wrong with a template, or with what it does.

    TemplateError               the user must edit
    +-- ParseError              the text is no template
    +-- ExecutionError          it fails on these data
    |   +-- FunctionError       a function refuses what it is given
    +-- LimitReached            it asks for more than it may have

Messages name the template, the line, the column and the function, and never contain
data: what comes out of a secret does not come out of an error about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.foundation.errors import Invalid


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a template something is; lines and columns (bytes) count from 1.

    A column of 0 is not known.
    """

    template: str
    line: int
    column: int

    def __str__(self) -> str:
        column = f":{self.column}" if self.column else ""
        return f"{self.template}:{self.line}{column}"


class TemplateError(Invalid):
    """A template, or what it does with its data, is wrong."""

    def __init__(
        self, what: str, *, at: Position | None = None, function: str = ""
    ) -> None:
        self.what = what
        self.at = at
        self.function = function
        super().__init__(what)

    def located(self, at: Position, function: str = "") -> None:
        """Say where it happened, unless that is known from further inside."""
        if self.at is None:
            self.at = at
            self.function = self.function or function

    def __str__(self) -> str:
        where = "" if self.at is None else f"{self.at}: "
        who = f"{self.function}: " if self.function else ""
        return f"{where}{who}{self.what}"


class ParseError(TemplateError):
    """The text is no template."""


class ExecutionError(TemplateError):
    """The template fails on the data it was given."""


class FunctionError(ExecutionError):
    """A function refuses its arguments, or fails."""


class LimitReached(TemplateError):
    """The template asks for more of something than it may have."""

    def __init__(self, limit: str, *, allowed: int) -> None:
        self.limit = limit
        super().__init__(f"limit reached: {limit} (at most {allowed})")
