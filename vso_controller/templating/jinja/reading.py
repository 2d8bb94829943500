"""From a text to the nodes of a template, all of them on the list of those allowed."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from vso_controller.templating.errors import LimitReached, ParseError, Position
from vso_controller.templating.limits import Limits
from vso_controller.templating.texts import Text

LEFT, RIGHT = "{{", "}}"
LONGEST_TEXT = 64 * 1024
"""Bytes of a text."""
MOST_TOKENS = 10_000
"""Words and signs of a text. Jinja2 takes some 15 µs for each."""
DEEPEST = 60
"""Nodes within each other: blocks and expressions."""

ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        # statements
        *(nodes.Template, nodes.Output, nodes.TemplateData),
        *(nodes.If, nodes.For, nodes.Assign, nodes.Include),
        # values
        *(nodes.Const, nodes.Name, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair),
        *(nodes.Getattr, nodes.Getitem, nodes.Slice),
        # operations
        *(nodes.And, nodes.Or, nodes.Not, nodes.CondExpr),
        *(nodes.Compare, nodes.Operand, nodes.Concat),
        *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
        *(nodes.Neg, nodes.Pos),
        # the library
        *(nodes.Call, nodes.Filter, nodes.Test),
    }
)
_DELIMITERS_TAKEN = frozenset({"{%", "%}", "{#", "#}"})


def read(text: Text, limits: Limits) -> nodes.Template:
    """Return the nodes of a template. Raises ParseError, and LimitReached."""
    try:
        size = len(text.text.encode())
    except UnicodeEncodeError as error:
        raise ParseError("this is no text", at=position(text.name, 1)) from error
    if size > LONGEST_TEXT:
        raise _located(LimitReached("text", allowed=LONGEST_TEXT), text, 1)
    template = _parsed(text)
    _check(template, text, deepest=min(DEEPEST, limits.nesting))
    return template


def position(name: str, line: int) -> Position:
    """Return a place of which the line is known alone."""
    return Position(name, line, 0)


def depth_of(template: nodes.Template) -> int:
    """Return how many nodes lie within each other."""
    return max(depth for _, depth in _walk(template))


class _Counting(Extension):
    """Counts the words of a text while they are read. Raises LimitReached."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for number, token in enumerate(stream):
            if number == MOST_TOKENS:
                raise LimitReached("tokens", allowed=MOST_TOKENS)
            yield token


def _parsed(text: Text) -> nodes.Template:
    left, right = text.left or LEFT, text.right or RIGHT
    if {left, right} & _DELIMITERS_TAKEN or left == right:
        raise ParseError(
            "delimiters differ from each other and from those of blocks and comments",
            at=position(text.name, 1),
        )
    environment = Environment(  # noqa: S701 - what is made is no HTML
        variable_start_string=left,
        variable_end_string=right,
        keep_trailing_newline=True,
        extensions=[_Counting],
    )
    try:
        return Parser(environment, text.text, text.name).parse()
    except TemplateSyntaxError as error:
        why = error.message or "it cannot be read"
        raise ParseError(why, at=position(text.name, error.lineno)) from error
    except LimitReached as limit:
        raise _located(limit, text, 1) from None
    except RecursionError as error:
        raise _located(LimitReached("nesting", allowed=DEEPEST), text, 1) from error
    except ValueError as error:
        # Python refuses to read integers of thousands of digits.
        raise ParseError("a number is too large", at=position(text.name, 1)) from error


def _check(template: nodes.Template, text: Text, *, deepest: int) -> None:
    for node, depth in _walk(template):
        if depth > deepest:
            limit = LimitReached("nesting", allowed=deepest)
            raise _located(limit, text, node.lineno)
        if type(node) not in ALLOWED:
            raise ParseError(
                f"{type(node).__name__} is not supported",
                at=position(text.name, node.lineno),
            )


def _walk(template: nodes.Template) -> Iterator[tuple[nodes.Node, int]]:
    """Yield every node with its depth, without being deep itself."""
    pending: list[tuple[nodes.Node, int]] = [(template, 1)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending.extend((each, depth + 1) for each in node.iter_child_nodes())


def _located(limit: LimitReached, text: Text, line: int) -> LimitReached:
    limit.located(position(text.name, line))
    return limit
