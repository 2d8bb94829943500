"""Reads the text of a template: its own body, and the templates it defines."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vso_controller.templating.errors import LimitReached
from vso_controller.templating.go.constants import unquote
from vso_controller.templating.go.lexer import Lexer
from vso_controller.templating.go.nodes import (
    ActionNode,
    BranchNode,
    CallNode,
    JumpNode,
    PipelineNode,
    Statement,
    Statements,
    TextNode,
    is_empty,
)
from vso_controller.templating.go.pipelines import PipelineParser
from vso_controller.templating.go.reader import TokenReader
from vso_controller.templating.go.tokens import Source, Token, TokenKind
from vso_controller.templating.limits import Limits
from vso_controller.templating.values import raw

LEFT, RIGHT = "{{", "}}"


@dataclass(frozen=True, slots=True)
class Template:
    """What was parsed: the body of one template, and where it is written."""

    name: str
    body: Statements
    source: Source


def parse(
    name: str,
    text: str,
    *,
    functions: Container[str],
    limits: Limits,
    left: str = LEFT,
    right: str = RIGHT,
) -> dict[str, Template]:
    """Return the template `name` and those that its text defines.

    `functions` are the names that may be called. Raises ParseError, LimitReached.
    """
    if len(raw(text)) > limits.text:
        raise LimitReached("text", allowed=limits.text)
    source = Source(name, text)
    lexer = Lexer(source, left=left or LEFT, right=right or RIGHT)
    reader = TokenReader(source, lexer.tokens(), limits=limits)
    return _Parser(reader, functions).templates()


@dataclass(slots=True)
class _Ended:
    """A list of statements, and the token that ended it."""

    statements: Statements
    by: Token


@dataclass(slots=True)
class _Scope:
    """What is known while the body of one template is read."""

    variables: list[str] = field(default_factory=lambda: ["$"])
    ranges: int = 0  # that are open here

    @contextmanager
    def block(self) -> Iterator[None]:
        """Forget at the end of the block the variables that were declared in it."""
        known = len(self.variables)
        yield
        del self.variables[known:]


class _Parser:
    def __init__(self, reader: TokenReader, functions: Container[str]) -> None:
        self._reader = reader
        self._functions = functions
        self._templates: dict[str, Template] = {}
        self._enter(_Scope())
        self._statements_of: dict[str, Callable[[Token], Statement]] = {
            "if": self._branch,
            "with": self._branch,
            "range": self._branch,
            "break": self._jump,
            "continue": self._jump,
            "template": self._call,
            "block": self._block,
        }

    def _enter(self, scope: _Scope) -> None:
        self._scope = scope
        self._pipelines = PipelineParser(self._reader, self._functions, scope.variables)

    def templates(self) -> dict[str, Template]:
        reader = self._reader
        body: list[Statement] = []
        while reader.peek().kind is not TokenKind.END:
            token = reader.next()
            if token.kind is TokenKind.TEXT:
                body.append(TextNode(token.start, token.text))
                continue
            if reader.peek_beyond_space().is_keyword("define"):
                reader.next_beyond_space()
                self._definition()
                continue
            statement = self._action(token)
            if isinstance(statement, Token):
                raise reader.unexpected(statement, "the text")
            body.append(statement)
        self._add(reader.source.name, tuple(body), 0)
        return self._templates

    def _add(self, name: str, body: Statements, start: int) -> None:
        there = self._templates.get(name)
        if there is None or is_empty(there.body):
            self._templates[name] = Template(name, body, self._reader.source)
        elif not is_empty(body):
            raise self._reader.error("multiple definition of a template", start)

    def _definition(self) -> None:
        token = self._reader.next_beyond_space()
        name = self._name(token, "define clause")
        self._reader.expect_end("define clause")
        self._template(name, token.start)

    def _template(self, name: str, start: int) -> None:
        """Read the body of a template that is defined here, up to its end."""
        outer = self._scope
        self._enter(_Scope())
        ended = self._statements()
        if not ended.by.is_keyword("end"):
            raise self._reader.unexpected(ended.by, "a definition")
        self._enter(outer)
        self._add(name, ended.statements, start)

    def _name(self, token: Token, context: str) -> str:
        if token.kind not in {TokenKind.STRING, TokenKind.RAW_STRING}:
            raise self._reader.unexpected(token, context)
        name = unquote(token.text)
        if name is None:
            raise self._reader.error("invalid syntax", token.start)
        return name

    def _statements(self) -> _Ended:
        """Read statements up to an `end` or `else`, which is read as well."""
        found: list[Statement] = []
        with self._reader.deeper():
            while True:
                token = self._reader.next()
                if token.kind is TokenKind.END:
                    raise self._reader.unexpected(token, "a block")
                if token.kind is TokenKind.TEXT:
                    found.append(TextNode(token.start, token.text))
                    continue
                statement = self._action(token)
                if isinstance(statement, Token):
                    return _Ended(tuple(found), statement)
                found.append(statement)

    def _action(self, delimiter: Token) -> Statement | Token:
        """Read an action; return the keyword if it is `end` or `else`."""
        token = self._reader.peek_beyond_space()
        if token.kind is not TokenKind.KEYWORD or token.text == "define":
            pipeline = self._pipelines.read("command", TokenKind.RIGHT_DELIMITER)
            return ActionNode(delimiter.start, pipeline)
        self._reader.next_beyond_space()
        read = self._statements_of.get(token.text)
        if read is not None:
            return read(token)
        if token.text == "else":
            self._begin_else()
        else:
            self._reader.expect_end("end")
        return token

    def _begin_else(self) -> None:
        # With `if` or `with` behind it, it goes on there and has no delimiter here.
        if not self._reader.peek_beyond_space().is_keyword("if", "with"):
            self._reader.expect_end("else")

    def _branch(self, token: Token) -> BranchNode:
        keyword = token.text
        with self._scope.block(), self._reader.deeper():
            pipeline = self._pipelines.read(keyword, TokenKind.RIGHT_DELIMITER)
            self._scope.ranges += keyword == "range"
            body = self._statements()
            self._scope.ranges -= keyword == "range"
            otherwise: Statements = ()
            if body.by.is_keyword("else"):
                otherwise = self._alternative(keyword)
        return BranchNode(token.start, keyword, pipeline, body.statements, otherwise)

    def _alternative(self, keyword: str) -> Statements:
        following = self._reader.peek_beyond_space()
        if keyword != "range" and following.is_keyword(keyword):
            # `else if` shares the end with its `if`.
            return (self._branch(self._reader.next_beyond_space()),)
        if following.is_keyword("if", "with"):
            raise self._reader.unexpected(following, "else")
        ended = self._statements()
        if not ended.by.is_keyword("end"):
            raise self._reader.unexpected(ended.by, "else")
        return ended.statements

    def _jump(self, token: Token) -> JumpNode:
        self._reader.expect_end(token.text)
        if not self._scope.ranges:
            raise self._reader.error(f"{token.text} outside of range", token.start)
        return JumpNode(token.start, token.text)

    def _call(self, token: Token) -> CallNode:
        name = self._name(self._reader.next_beyond_space(), "template clause")
        pipeline: PipelineNode | None = None
        if self._reader.peek_beyond_space().kind is TokenKind.RIGHT_DELIMITER:
            self._reader.next_beyond_space()
        else:
            context = "template clause"
            pipeline = self._pipelines.read(context, TokenKind.RIGHT_DELIMITER)
        return CallNode(token.start, name, pipeline)

    def _block(self, token: Token) -> CallNode:
        """Read a template that is defined where it is used."""
        named = self._reader.next_beyond_space()
        name = self._name(named, "block clause")
        pipeline = self._pipelines.read("block clause", TokenKind.RIGHT_DELIMITER)
        self._template(name, named.start)
        return CallNode(token.start, name, pipeline)
