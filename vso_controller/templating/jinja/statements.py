"""Statements of Jinja2's language as closures over a scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jinja2 import nodes

from vso_controller.templating.errors import (
    ExecutionError,
    LimitReached,
    ParseError,
    TemplateError,
)
from vso_controller.templating.jinja.expressions import Expressions
from vso_controller.templating.jinja.operations import truth, used
from vso_controller.templating.jinja.reading import position
from vso_controller.templating.jinja.running import Expression, Scope, Statement

STEPS_A_NODE = 2
TURN = 10
"""Steps that one turn of a loop costs, besides what it does."""

Bind = Callable[[Scope, object], None]


class Statements:
    """Compiles the statements of one template."""

    def __init__(self, template: str, expressions: Expressions) -> None:
        self._template = template
        self._expressions = expressions

    def body(self, statements: Sequence[nodes.Node]) -> Statement:
        """Return the statements as one, paid for by their size."""
        steps = [self._compile(each) for each in statements]
        price = STEPS_A_NODE * (1 + sum(map(_size, statements)))

        def run(scope: Scope) -> None:
            scope.run.environment.budget.step(price)
            for step in steps:
                step(scope)

        return run

    def _compile(self, node: nodes.Node) -> Statement:
        statement = self._statement(node)
        place = position(self._template, node.lineno)

        def run(scope: Scope) -> None:
            try:
                statement(scope)
            except TemplateError as error:
                error.located(place)
                raise

        return run

    def _statement(self, node: nodes.Node) -> Statement:
        match node:
            case nodes.Output():
                return self._output(node)
            case nodes.If():
                return self._if(node)
            case nodes.For():
                return self._for(node)
            case nodes.Assign():
                return self._assign(node)
            case nodes.Include():
                return self._include(node)
        raise self._refusal(f"{type(node).__name__} has no place here", node)

    def _output(self, node: nodes.Output) -> Statement:
        parts = [self._printed(each) for each in node.nodes]

        def write(scope: Scope) -> None:
            for part in parts:
                part(scope)

        return write

    def _printed(self, node: nodes.Node) -> Statement:
        if isinstance(node, nodes.TemplateData):
            data = node.data
            return lambda scope: scope.run.write(data)
        text = self._expressions.printed(node)
        place = position(self._template, node.lineno)

        def write(scope: Scope) -> None:
            try:
                scope.run.write(text(scope))
            except TemplateError as error:
                error.located(place)
                raise

        return write

    def _if(self, node: nodes.If) -> Statement:
        branches = [
            (self._expressions.compile(each.test), self.body(each.body))
            for each in (node, *node.elif_)
        ]
        otherwise = self.body(node.else_)

        def choose(scope: Scope) -> None:
            for condition, body in branches:
                if truth(condition(scope)):
                    return body(scope)
            return otherwise(scope)

        return choose

    def _for(self, node: nodes.For) -> Statement:
        if node.recursive:
            raise self._refusal("a loop is not recursive", node)
        members = self._expressions.compile(node.iter)
        wanted = None if node.test is None else self._expressions.compile(node.test)
        bind = self._binder(node.target)
        body, otherwise = self.body(node.body), self.body(node.else_)

        def loop(scope: Scope) -> None:
            chosen = _chosen(scope, used(members(scope)), bind, wanted)
            for number, member in enumerate(chosen):
                scope.run.environment.budget.step(TURN)
                turn = scope.inner({"loop": _standing(number, len(chosen))})
                bind(turn, member)
                body(turn)
            if not chosen:
                otherwise(scope.inner({}))

        return loop

    def _assign(self, node: nodes.Assign) -> Statement:
        bind = self._binder(node.target)
        value = self._expressions.compile(node.node)
        return lambda scope: bind(scope, used(value(scope)))

    def _include(self, node: nodes.Include) -> Statement:
        template = node.template
        if not isinstance(template, nodes.Const) or not isinstance(template.value, str):
            raise self._refusal("include takes the name of a template as text", node)
        if node.ignore_missing or not node.with_context:
            raise self._refusal("include takes the name alone", node)
        name = template.value

        def include(scope: Scope) -> None:
            run = scope.run
            piece = run.included.get(name)
            if piece is None:
                raise ExecutionError(f"there is no template {name!r} in Jinja2")
            run.depth += piece.depth
            deepest = run.environment.budget.limits.depth
            if run.depth > deepest:
                raise LimitReached("depth", allowed=deepest)
            piece.body(scope.inner({}))
            run.depth -= piece.depth

        return include

    def _binder(self, target: nodes.Node) -> Bind:
        """Return what gives a value its name, or the members of a list theirs."""
        if isinstance(target, nodes.Name):
            name = target.name
            return lambda scope, value: scope.set(name, value)
        if not isinstance(target, nodes.Tuple):
            raise self._refusal("only names can be set", target)
        names = [each.name for each in target.items if isinstance(each, nodes.Name)]
        if len(names) != len(target.items):
            raise self._refusal("only names can be set", target)

        def bind(scope: Scope, value: object) -> None:
            if not isinstance(value, list) or len(value) != len(names):
                raise ExecutionError(f"there are no {len(names)} values to name")
            for name, each in zip(names, value, strict=True):
                scope.set(name, each)

        return bind

    def _refusal(self, what: str, node: nodes.Node) -> ParseError:
        return ParseError(what, at=position(self._template, node.lineno))


def _chosen(
    scope: Scope, members: object, bind: Bind, wanted: Expression | None
) -> list[object]:
    """Return what a loop goes through: members of a list, keys of a mapping in order.

    Paid for: a name is bound for each, and a test is made.
    """
    if not isinstance(members, list | dict):
        raise ExecutionError("for takes a list or a mapping")
    scope.run.environment.budget.items(len(members))
    chosen = sorted(members) if isinstance(members, dict) else list(members)
    if wanted is None:
        return chosen
    return [each for each in chosen if _is_wanted(scope, each, bind, wanted)]


def _is_wanted(scope: Scope, member: object, bind: Bind, wanted: Expression) -> bool:
    scope.run.environment.budget.step(TURN)
    turn = scope.inner({})
    bind(turn, member)
    return truth(wanted(turn))


def _standing(number: int, length: int) -> dict[str, object]:
    """Return what a template can ask a loop."""
    return {
        "index": number + 1,
        "index0": number,
        "first": number == 0,
        "last": number == length - 1,
        "length": length,
        "revindex": length - number,
        "revindex0": length - number - 1,
    }


def _size(node: nodes.Node) -> int:
    """Return how many nodes are evaluated; those of nested bodies pay themselves."""
    pending, size = [node], 0
    while pending:
        size += 1
        pending.extend(
            each for each in pending.pop().iter_child_nodes(exclude=("body", "else_"))
        )
    return size
