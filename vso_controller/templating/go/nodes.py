"""The syntax tree of a template. Each node knows the character at which it begins."""

from __future__ import annotations

from dataclasses import dataclass

from vso_controller.templating.go.constants import Number


@dataclass(frozen=True, slots=True)
class DotNode:
    """`.`."""

    start: int


@dataclass(frozen=True, slots=True)
class NilNode:
    """`nil`."""

    start: int


@dataclass(frozen=True, slots=True)
class BoolNode:
    """`true` or `false`."""

    start: int
    value: bool


@dataclass(frozen=True, slots=True)
class NumberNode:
    """A number, a complex number or a character."""

    start: int
    number: Number


@dataclass(frozen=True, slots=True)
class StringNode:
    """A string."""

    start: int
    value: str


@dataclass(frozen=True, slots=True)
class FieldNode:
    """`.a.b`."""

    start: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VariableNode:
    """`$a` with fields of it: `$a.b.c`."""

    start: int
    name: str  # with its dollar
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionNode:
    """The name of a function."""

    start: int
    name: str


@dataclass(frozen=True, slots=True)
class ChainNode:
    """Fields of what an operand gives: `(…).a.b`."""

    start: int
    operand: Operand
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandNode:
    """An operand alone, or a function or field with its arguments."""

    start: int
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class PipelineNode:
    """Commands, each with the value of the one before; may set variables to the last.

    `names` are those of the variables, `assigns` whether they must be there already.
    """

    start: int
    commands: tuple[CommandNode, ...]
    names: tuple[str, ...] = ()
    assigns: bool = False


Operand = (
    DotNode
    | NilNode
    | BoolNode
    | NumberNode
    | StringNode
    | FieldNode
    | VariableNode
    | FunctionNode
    | ChainNode
    | PipelineNode
)


@dataclass(frozen=True, slots=True)
class TextNode:
    """What is printed as it is."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class ActionNode:
    """A pipeline whose value is printed, unless it sets variables."""

    start: int
    pipeline: PipelineNode


@dataclass(frozen=True, slots=True)
class BranchNode:
    """`if`, `with` or `range`."""

    start: int
    keyword: str
    pipeline: PipelineNode
    body: Statements
    otherwise: Statements


@dataclass(frozen=True, slots=True)
class JumpNode:
    """`break` or `continue`."""

    start: int
    keyword: str


@dataclass(frozen=True, slots=True)
class CallNode:
    """`template`: prints what another one of the set prints."""

    start: int
    name: str
    pipeline: PipelineNode | None


Statement = TextNode | ActionNode | BranchNode | JumpNode | CallNode
Statements = tuple[Statement, ...]


def is_empty(statements: Statements) -> bool:
    """Whether a template prints nothing but white space, and does nothing."""
    return all(
        isinstance(each, TextNode) and not each.text.strip() for each in statements
    )
