"""Expressions of Jinja2's language as closures over a scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jinja2 import nodes

from vso_controller.templating.errors import ExecutionError, ParseError, TemplateError
from vso_controller.templating.jinja.calls import call
from vso_controller.templating.jinja.operations import (
    Undefined,
    arithmetic,
    bounded,
    compared,
    concatenated,
    number,
    truth,
    used,
)
from vso_controller.templating.jinja.predicates import PREDICATES
from vso_controller.templating.jinja.reading import position
from vso_controller.templating.jinja.running import Expression, Scope
from vso_controller.templating.registry import Function, Library
from vso_controller.templating.values import JSONNumber

_SIGNS: Mapping[type[nodes.Node], str] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}


_LITERALS = {True: "true", False: "false", None: "null"}


class Expressions:
    """Compiles the expressions of one template; notes the functions it uses."""

    def __init__(self, template: str, library: Library) -> None:
        self._template = template
        self._library = library
        self.functions: set[Function] = set()

    def compile(self, node: nodes.Node) -> Expression:
        """Return the expression. Raises ParseError for what the library lacks."""
        compiler = _COMPILERS.get(type(node))
        if compiler is not None:
            return compiler(self, node)
        sign = _SIGNS.get(type(node))
        if sign is not None and isinstance(node, nodes.BinExpr):
            return self._arithmetic(sign, node)
        raise self._refusal(f"{type(node).__name__} has no place here", node)

    def printed(self, node: nodes.Node) -> Callable[[Scope], str]:
        """Return the expression as the text that it prints.

        That is text as it is, and all else as JSON.
        """
        evaluate = self.compile(node)

        def text(scope: Scope) -> str:
            value = used(evaluate(scope))
            if isinstance(value, bool | None):
                return _LITERALS[value]
            if isinstance(value, str) or type(value) is int:
                return str(value)
            to_json = self._library["toJson"]
            return str(call(to_json, [value], scope.run.environment))

        return text

    def _const(self, node: nodes.Const) -> Expression:
        value = node.value
        try:
            _check_const(value)
        except ExecutionError as error:
            raise self._refusal(str(error), node) from error
        return lambda _: value

    def _name(self, node: nodes.Name) -> Expression:
        name = node.name
        return lambda scope: scope.get(name)

    def _list(self, node: nodes.List | nodes.Tuple) -> Expression:
        members = [self.compile(each) for each in node.items]

        def build(scope: Scope) -> object:
            scope.run.environment.budget.items(len(members))
            return [used(each(scope)) for each in members]

        return build

    def _dict(self, node: nodes.Dict) -> Expression:
        pairs = [
            (self.compile(each.key), self.compile(each.value)) for each in node.items
        ]

        def build(scope: Scope) -> object:
            scope.run.environment.budget.items(len(pairs))
            return {_key(key(scope)): used(value(scope)) for key, value in pairs}

        return build

    def _attribute(self, node: nodes.Getattr) -> Expression:
        owner, name = self.compile(node.node), node.attr

        def look_up(scope: Scope) -> object:
            found = used(owner(scope))
            if not isinstance(found, dict):
                raise ExecutionError(f"only mappings have a {name!r}")
            return found.get(name, Undefined(name))

        return look_up

    def _item(self, node: nodes.Getitem) -> Expression:
        owner = self.compile(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(owner, node.arg)
        index = self.compile(node.arg)
        return lambda scope: _item_of(used(owner(scope)), used(index(scope)))

    def _slice(self, owner: Expression, node: nodes.Slice) -> Expression:
        if node.step is not None:
            raise self._refusal("a slice has no step", node)
        start, stop = self._bound(node.start), self._bound(node.stop)

        def cut(scope: Scope) -> object:
            found = used(owner(scope))
            if isinstance(found, JSONNumber) or not isinstance(found, str | list):
                raise ExecutionError("only texts and lists can be sliced")
            scope.run.environment.budget.work(4 * len(found))
            return found[start(scope) : stop(scope)]

        return cut

    def _bound(self, node: nodes.Expr | None) -> Callable[[Scope], int | None]:
        if node is None:
            return lambda _: None
        value = self.compile(node)
        return lambda scope: _index(used(value(scope)))

    def _arithmetic(self, sign: str, node: nodes.BinExpr) -> Expression:
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda scope: arithmetic(
            sign, used(left(scope)), used(right(scope)), scope.run.environment.budget
        )

    def _sign(self, node: nodes.Neg | nodes.Pos) -> Expression:
        operand = self.compile(node.node)
        factor = -1 if isinstance(node, nodes.Neg) else 1
        return lambda scope: arithmetic(
            "*", used(operand(scope)), factor, scope.run.environment.budget
        )

    def _and(self, node: nodes.And) -> Expression:
        left, right = self.compile(node.left), self.compile(node.right)

        def both(scope: Scope) -> object:
            first = left(scope)
            return right(scope) if truth(first) else first

        return both

    def _or(self, node: nodes.Or) -> Expression:
        left, right = self.compile(node.left), self.compile(node.right)

        def either(scope: Scope) -> object:
            first = left(scope)
            return first if truth(first) else right(scope)

        return either

    def _not(self, node: nodes.Not) -> Expression:
        operand = self.compile(node.node)
        return lambda scope: not truth(operand(scope))

    def _condition(self, node: nodes.CondExpr) -> Expression:
        if node.expr2 is None:
            raise self._refusal("if has no else", node)
        condition = self.compile(node.test)
        yes, no = self.compile(node.expr1), self.compile(node.expr2)
        return lambda scope: (yes if truth(condition(scope)) else no)(scope)

    def _compare(self, node: nodes.Compare) -> Expression:
        first = self.compile(node.expr)
        others = [(each.op, self.compile(each.expr)) for each in node.ops]

        def holds(scope: Scope) -> object:
            left = used(first(scope))
            for sign, operand in others:
                right = used(operand(scope))
                if not compared(sign, left, right, scope.run.environment.budget):
                    return False
                left = right
            return True

        return holds

    def _concat(self, node: nodes.Concat) -> Expression:
        parts = [self.printed(each) for each in node.nodes]
        return lambda scope: concatenated(
            [each(scope) for each in parts], scope.run.environment.budget
        )

    def _call(self, node: nodes.Call) -> Expression:
        if not isinstance(node.node, nodes.Name):
            raise self._refusal("only functions of the library are called", node)
        return self._called(node.node.name, node.args, node)

    def _filter(self, node: nodes.Filter) -> Expression:
        if node.node is None:
            raise self._refusal("a filter has no value", node)
        # As in Go's pipelines: what comes through the pipe is the last argument.
        return self._called(node.name, [*node.args, node.node], node)

    def _called(
        self,
        name: str,
        given: Sequence[nodes.Node],
        node: nodes.Call | nodes.Filter,
    ) -> Expression:
        function = self._library.get(name)
        if function is None:
            raise self._refusal(f"function {name!r} is not defined", node)
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._refusal(f"{name}: arguments have no names", node)
        self.functions.add(function)
        arguments = [self.compile(each) for each in given]
        place = position(self._template, node.lineno)

        def run(scope: Scope) -> object:
            values = [each(scope) for each in arguments]
            try:
                return call(function, values, scope.run.environment)
            except TemplateError as error:
                error.located(place, name)
                raise

        return run

    def _test(self, node: nodes.Test) -> Expression:
        holds = PREDICATES.get(node.name)
        if holds is None:
            raise self._refusal(f"test {node.name!r} is not defined", node)
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise self._refusal(f"test {node.name!r} takes no arguments", node)
        operand = self.compile(node.node)
        return lambda scope: holds(operand(scope))

    def _refusal(self, what: str, node: nodes.Node) -> ParseError:
        return ParseError(what, at=position(self._template, node.lineno))


def _check_const(value: object) -> None:
    """Raise ExecutionError for a number or a text that there cannot be."""
    if isinstance(value, int):
        bounded(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ExecutionError("half of a character is no text") from error


def _key(value: object) -> str:
    if isinstance(value, JSONNumber) or not isinstance(value, str):
        raise ExecutionError("the keys of a mapping are texts")
    return value


def _item_of(owner: object, index: object) -> object:
    if isinstance(owner, dict):
        return owner.get(_key(index), Undefined("a key of a mapping"))
    if not isinstance(owner, list):
        raise ExecutionError("only mappings and lists have items")
    try:
        return owner[_index(index)]
    except IndexError:
        return Undefined("an item of a list")


def _index(value: object) -> int:
    found = number(value)
    if not isinstance(found, int):
        raise ExecutionError("an index is a whole number")
    return found


# Each takes the nodes that it stands for.
_COMPILERS: Mapping[type[nodes.Node], Callable[..., Expression]] = {
    nodes.Const: Expressions._const,  # noqa: SLF001 - the table of this class
    nodes.Name: Expressions._name,  # noqa: SLF001
    nodes.List: Expressions._list,  # noqa: SLF001
    nodes.Tuple: Expressions._list,  # noqa: SLF001
    nodes.Dict: Expressions._dict,  # noqa: SLF001
    nodes.Getattr: Expressions._attribute,  # noqa: SLF001
    nodes.Getitem: Expressions._item,  # noqa: SLF001
    nodes.Neg: Expressions._sign,  # noqa: SLF001
    nodes.Pos: Expressions._sign,  # noqa: SLF001
    nodes.And: Expressions._and,  # noqa: SLF001
    nodes.Or: Expressions._or,  # noqa: SLF001
    nodes.Not: Expressions._not,  # noqa: SLF001
    nodes.CondExpr: Expressions._condition,  # noqa: SLF001
    nodes.Compare: Expressions._compare,  # noqa: SLF001
    nodes.Concat: Expressions._concat,  # noqa: SLF001
    nodes.Call: Expressions._call,  # noqa: SLF001
    nodes.Filter: Expressions._filter,  # noqa: SLF001
    nodes.Test: Expressions._test,  # noqa: SLF001
}
