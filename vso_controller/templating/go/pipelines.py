"""Reads what stands within an action: pipelines, commands and operands."""

from __future__ import annotations

from collections.abc import Callable, Container

from vso_controller.templating.go.constants import (
    Number,
    parse_number,
    parse_rune,
    unquote,
)
from vso_controller.templating.go.nodes import (
    BoolNode,
    ChainNode,
    CommandNode,
    DotNode,
    FieldNode,
    FunctionNode,
    NilNode,
    NumberNode,
    Operand,
    PipelineNode,
    StringNode,
    VariableNode,
)
from vso_controller.templating.go.reader import TokenReader
from vso_controller.templating.go.tokens import Token, TokenKind

_OPERANDS = frozenset(
    {
        TokenKind.BOOL,
        TokenKind.COMPLEX,
        TokenKind.DOT,
        TokenKind.FIELD,
        TokenKind.IDENTIFIER,
        TokenKind.LEFT_PARENTHESIS,
        TokenKind.NIL,
        TokenKind.NUMBER,
        TokenKind.RAW_STRING,
        TokenKind.RUNE,
        TokenKind.STRING,
        TokenKind.VARIABLE,
    }
)
_CONSTANTS = (BoolNode, DotNode, NilNode, NumberNode, StringNode)
"""Of which no field can be taken, and which no command but the first can be."""
_ENDS_VARIABLES = frozenset(
    {TokenKind.VARIABLE, TokenKind.RIGHT_DELIMITER, TokenKind.RIGHT_PARENTHESIS}
)


class PipelineParser:
    """Reads pipelines. What they declare is appended to `variables`."""

    def __init__(
        self, reader: TokenReader, functions: Container[str], variables: list[str]
    ) -> None:
        self._reader = reader
        self._functions = functions
        self._variables = variables
        self._terms: dict[TokenKind, Callable[[Token], Operand]] = {
            TokenKind.BOOL: lambda token: BoolNode(token.start, token.text == "true"),
            TokenKind.COMPLEX: self._number,
            TokenKind.DOT: lambda token: DotNode(token.start),
            TokenKind.FIELD: lambda token: FieldNode(token.start, (token.text[1:],)),
            TokenKind.IDENTIFIER: self._function,
            TokenKind.LEFT_PARENTHESIS: self._parenthesized,
            TokenKind.NIL: lambda token: NilNode(token.start),
            TokenKind.NUMBER: self._number,
            TokenKind.RAW_STRING: self._string,
            TokenKind.RUNE: self._number,
            TokenKind.STRING: self._string,
            TokenKind.VARIABLE: self._variable,
        }

    def read(self, context: str, end: TokenKind) -> PipelineNode:
        """Read a pipeline up to its end, which is read as well. Raises ParseError."""
        start = self._reader.peek_beyond_space().start
        names, assigns = self._declarations(context)
        commands: list[CommandNode] = []
        while True:
            token = self._reader.next_beyond_space()
            if token.kind is end:
                self._check(commands, context, token)
                return PipelineNode(start, tuple(commands), names, assigns)
            if token.kind not in _OPERANDS:
                raise self._reader.unexpected(token, context)
            self._reader.back(token)
            commands.append(self._command())

    def _check(self, commands: list[CommandNode], context: str, end: Token) -> None:
        if not commands:
            raise self._reader.error(f"missing value for {context}", end.start)
        for each in commands[1:]:
            if isinstance(each.operands[0], _CONSTANTS):
                what = "non executable command in a pipeline"
                raise self._reader.error(what, each.start)

    def _declarations(self, context: str) -> tuple[tuple[str, ...], bool]:
        """Read the variables that the pipeline sets, if it does."""
        reader, names = self._reader, list[str]()
        while reader.peek_beyond_space().kind is TokenKind.VARIABLE:
            variable = reader.next()
            after = reader.peek()  # space, perhaps, which parts operands
            following = reader.peek_beyond_space()
            if following.kind in {TokenKind.ASSIGN, TokenKind.DECLARE}:
                reader.next()
                self._declare(variable, names)
                return tuple(names), following.kind is TokenKind.ASSIGN
            if following.kind is TokenKind.CHARACTER and following.text == ",":
                reader.next()
                self._declare(variable, names)
                self._check_another(names, context, following)
                continue
            if after.kind is TokenKind.SPACE:
                reader.back(variable, after)
            else:
                reader.back(variable)
            break
        return tuple(names), False

    def _declare(self, variable: Token, names: list[str]) -> None:
        names.append(variable.text)
        self._variables.append(variable.text)

    def _check_another(self, names: list[str], context: str, comma: Token) -> None:
        if context != "range" or len(names) > 1:
            raise self._reader.error(f"too many declarations in {context}", comma.start)
        if self._reader.peek_beyond_space().kind not in _ENDS_VARIABLES:
            what = "range can only initialize variables"
            raise self._reader.error(what, comma.start)

    def _command(self) -> CommandNode:
        operands: list[Operand] = []
        start = self._reader.peek_beyond_space().start
        while True:
            self._reader.peek_beyond_space()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            token = self._reader.next()
            if token.kind is TokenKind.SPACE:
                continue
            if token.kind in {TokenKind.RIGHT_DELIMITER, TokenKind.RIGHT_PARENTHESIS}:
                self._reader.back(token)
            elif token.kind is not TokenKind.PIPE:
                raise self._reader.unexpected(token, "operand")
            break
        if not operands:
            raise self._reader.error("empty command", start)
        return CommandNode(start, tuple(operands))

    def _operand(self) -> Operand | None:
        token = self._reader.next_beyond_space()
        read = self._terms.get(token.kind)
        if read is None:
            self._reader.back(token)
            return None
        term = read(token)
        names: list[str] = []
        while self._reader.peek().kind is TokenKind.FIELD:
            names.append(self._reader.next().text[1:])
        return self._chained(term, tuple(names)) if names else term

    def _chained(self, term: Operand, names: tuple[str, ...]) -> Operand:
        if isinstance(term, _CONSTANTS):
            raise self._reader.error("unexpected . after a constant", term.start)
        if isinstance(term, FieldNode):
            return FieldNode(term.start, term.names + names)
        if isinstance(term, VariableNode):
            return VariableNode(term.start, term.name, names)
        return ChainNode(term.start, term, names)

    def _function(self, token: Token) -> FunctionNode:
        if token.text not in self._functions:
            raise self._reader.error(f"function {token.text} not defined", token.start)
        return FunctionNode(token.start, token.text)

    def _variable(self, token: Token) -> VariableNode:
        if token.text not in self._variables:
            raise self._reader.error(f"undefined variable {token.text}", token.start)
        return VariableNode(token.start, token.text)

    def _number(self, token: Token) -> NumberNode:
        number: Number | None
        if token.kind is TokenKind.RUNE:
            rune = parse_rune(token.text)
            number = None if rune is None else Number(rune, rune, float(rune))
        else:
            number = parse_number(token.text)
        if number is None:
            raise self._reader.error("illegal number syntax", token.start)
        return NumberNode(token.start, number)

    def _string(self, token: Token) -> StringNode:
        value = unquote(token.text)
        if value is None:
            raise self._reader.error("invalid syntax", token.start)
        return StringNode(token.start, value)

    def _parenthesized(self, _: Token) -> PipelineNode:
        with self._reader.deeper():
            context = "parenthesized pipeline"
            return self.read(context, TokenKind.RIGHT_PARENTHESIS)
