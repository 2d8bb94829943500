"""Compiles operands, commands and pipelines to closures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from vso_controller.templating import values
from vso_controller.templating.errors import ExecutionError, TemplateError
from vso_controller.templating.go.assigning import (
    ANY,
    INTEGERS,
    assigned,
    nil_of,
    normal,
)
from vso_controller.templating.go.fields import field_of
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
from vso_controller.templating.go.running import (
    NO_ARGUMENT,
    NOTHING,
    Evaluate,
    EvaluateWith,
    Run,
)
from vso_controller.templating.go.tokens import Source
from vso_controller.templating.go.truth import is_true
from vso_controller.templating.registry import Function, Library
from vso_controller.templating.values import SizedInt

_SHORT_CIRCUITS = {"and": False, "or": True}
_SIZED: Mapping[str, type[SizedInt]] = {
    each.TYPE: each
    for each in (values.Int32, values.Int64, values.UInt8, values.UInt32, values.UInt64)
}


class Expressions:
    """Compiles what stands in the actions of one text."""

    def __init__(self, source: Source, library: Library) -> None:
        self._source = source
        self._library = library
        self._plain: dict[type, Callable[..., Evaluate]] = {
            DotNode: lambda _: _dot,
            BoolNode: lambda node: _constant(node.value),
            StringNode: lambda node: _constant(node.value),
            NumberNode: self._number,
            NilNode: self._nil,
            FieldNode: lambda node: self._without(self._field(node, ())),
            VariableNode: lambda node: self._without(self._variable(node, ())),
            ChainNode: lambda node: self._without(self._chain(node, ())),
            FunctionNode: lambda node: self._without(self._call(node, ())),
            PipelineNode: self.pipeline,
        }

    def pipeline(self, node: PipelineNode) -> Evaluate:
        """Compile a pipeline. Its value is never nil: what is nil is no value."""
        first, *others = [self._command(each) for each in node.commands]
        names, assigns = node.names, node.assigns
        if not others and not names:
            return lambda run, dot: _unwrapped(first(run, dot, NO_ARGUMENT))

        def evaluate(run: Run, dot: object) -> object:
            value = _unwrapped(first(run, dot, NO_ARGUMENT))
            for each in others:
                value = _unwrapped(each(run, dot, value))
            for name in names:
                self._set(run, name, value, assigns=assigns, at=node)
            return value

        return evaluate

    def set_variable(
        self, run: Run, name: str, value: object, node: PipelineNode
    ) -> None:
        """Set a variable as the pipeline of a range says."""
        self._set(run, name, value, assigns=node.assigns, at=node)

    def _set(
        self, run: Run, name: str, value: object, *, assigns: bool, at: PipelineNode
    ) -> None:
        if not assigns:
            run.variables.append((name, value))
            return
        try:
            run.assign(name, value)
        except KeyError:
            raise self._error(f"undefined variable {name}", at.start) from None

    def _error(self, what: str, start: int) -> ExecutionError:
        return ExecutionError(what, at=self._source.at(start))

    def _command(self, node: CommandNode) -> EvaluateWith:
        first, *rest = node.operands
        arguments = tuple(rest)
        if isinstance(first, FunctionNode):
            return self._call(first, arguments)
        if isinstance(first, FieldNode):
            return self._field(first, arguments)
        if isinstance(first, ChainNode):
            return self._chain(first, arguments)
        if isinstance(first, VariableNode) and first.names:
            return self._variable(first, arguments)
        if isinstance(first, NilNode):
            return self._failing("nil is not a command", first.start)
        return self._alone(first, arguments)

    def _alone(self, node: Operand, arguments: tuple[Operand, ...]) -> EvaluateWith:
        """Compile what takes no arguments."""
        what = "can't give an argument to what is no function"
        if arguments:
            return self._failing(what, node.start)
        evaluate = self._operand(node)

        def evaluate_with(run: Run, dot: object, piped: object) -> object:
            run.budget.step()
            if piped is not NO_ARGUMENT:
                raise self._error(what, node.start)
            return evaluate(run, dot)

        return evaluate_with

    def _failing(self, what: str, start: int, function: str = "") -> EvaluateWith:
        def fail(_run: Run, _dot: object, _piped: object) -> object:
            error = self._error(what, start)
            error.function = function
            raise error

        return fail

    def _operand(self, node: Operand) -> Evaluate:
        return self._plain[type(node)](node)

    @staticmethod
    def _without(evaluate: EvaluateWith) -> Evaluate:
        return lambda run, dot: evaluate(run, dot, NO_ARGUMENT)

    def _number(self, node: NumberNode) -> Evaluate:
        ideal = node.number.ideal
        if ideal is None:
            failing = self._failing("the number overflows int", node.start)
            return self._without(failing)
        return _constant(ideal)

    def _nil(self, node: NilNode) -> Evaluate:
        return self._without(self._failing("nil is not a value here", node.start))

    def _field(self, node: FieldNode, arguments: tuple[Operand, ...]) -> EvaluateWith:
        return self._fields(_dot, node.names, arguments, node.start)

    def _variable(
        self, node: VariableNode, arguments: tuple[Operand, ...]
    ) -> EvaluateWith:
        name = node.name

        def value_of(run: Run, _: object) -> object:
            try:
                return run.variable(name)
            except KeyError:
                raise self._error(f"undefined variable {name}", node.start) from None

        if not node.names:
            return lambda run, dot, _: value_of(run, dot)
        return self._fields(value_of, node.names, arguments, node.start)

    def _chain(self, node: ChainNode, arguments: tuple[Operand, ...]) -> EvaluateWith:
        operand = self._operand(node.operand)
        return self._fields(operand, node.names, arguments, node.start)

    def _fields(
        self,
        operand: Evaluate,
        names: tuple[str, ...],
        arguments: tuple[Operand, ...],
        start: int,
    ) -> EvaluateWith:
        """Compile the fields of an operand; the last may be a method with arguments."""
        *before, last = names
        compiled = [self.argument(each, ANY) for each in arguments]

        def evaluate(run: Run, dot: object, piped: object) -> object:
            run.budget.step()
            value = operand(run, dot)
            try:
                for name in before:
                    value = field_of(run.budget, value, name, None)
                if not compiled and piped is NO_ARGUMENT:
                    return field_of(run.budget, value, last, None)
                given = [each(run, dot) for each in compiled]
                if piped is not NO_ARGUMENT:
                    given.append(None if piped is NOTHING else piped)
                return field_of(run.budget, value, last, given)
            except TemplateError as error:
                error.located(self._source.at(start))
                raise

        return evaluate

    def _call(self, node: FunctionNode, arguments: tuple[Operand, ...]) -> EvaluateWith:
        function = self._library[node.name]
        if node.name in _SHORT_CIRCUITS:
            return self._short_circuit(node, arguments)
        types = _Types(function)
        given = len(arguments)
        compiled = [
            self.argument(each, types.of(number), node.name)
            for number, each in enumerate(arguments)
        ]
        call, takes_environment = function.call, function.environment

        def evaluate(run: Run, dot: object, piped: object) -> object:
            run.budget.step()
            is_piped = piped is not NO_ARGUMENT
            try:
                types.check(given + is_piped)
                passed = [each(run, dot) for each in compiled]
                if is_piped:
                    passed.append(assigned(piped, types.of(given)))
                if takes_environment:
                    return call(run.environment, *passed)
                return call(*passed)
            except TemplateError as error:
                error.located(self._source.at(node.start), node.name)
                raise

        return evaluate

    def _short_circuit(
        self, node: FunctionNode, arguments: tuple[Operand, ...]
    ) -> EvaluateWith:
        """Compile `and` and `or`, which evaluate no more arguments than they must."""
        ends_with = _SHORT_CIRCUITS[node.name]
        compiled = [self.argument(each, "value") for each in arguments]

        def evaluate(run: Run, dot: object, piped: object) -> object:
            run.budget.step()
            is_piped = piped is not NO_ARGUMENT
            if not compiled and not is_piped:
                raise self._error("wrong number of arguments", node.start)
            value: object = NOTHING
            for each in compiled:
                value = each(run, dot)
                if is_true(value) is ends_with:
                    return value
            return piped if is_piped else value

        return evaluate

    def argument(self, node: Operand, type_: str, function: str = "") -> Evaluate:
        """Compile an operand as the argument for a parameter of a type."""
        if isinstance(node, NilNode):
            return self._located(node, lambda _run, _dot: nil_of(type_), function)
        constant = self._constant_argument(node, type_, function)
        if constant is not None:
            return constant
        evaluate = self._operand(node)
        if type_ == "value":
            return evaluate
        return self._located(
            node, lambda run, dot: assigned(evaluate(run, dot), type_), function
        )

    def _located(self, node: Operand, evaluate: Evaluate, function: str) -> Evaluate:
        def located(run: Run, dot: object) -> object:
            try:
                return evaluate(run, dot)
            except TemplateError as error:
                error.located(self._source.at(node.start), function)
                raise

        return located

    def _constant_argument(
        self, node: Operand, type_: str, function: str
    ) -> Evaluate | None:
        """Compile a constant, which takes the type that is wanted; None: it is none."""
        if not isinstance(node, (BoolNode, NumberNode, StringNode)):
            return None
        if type_ in {ANY, "value"}:
            return self._operand(node)
        value: object = None
        if isinstance(node, BoolNode):
            value = node.value if type_ == "bool" else None
        elif isinstance(node, StringNode):
            value = node.value if type_ == "string" else None
        elif type_ in INTEGERS and node.number.as_int is not None:
            value = _SIZED.get(type_, int)(node.number.as_int)
        elif type_ == "float64":
            value = node.number.as_float
        if value is None:
            what = f"a constant of another type than {type_}"
            return self._without(self._failing(what, node.start, function))
        return _constant(value)


class _Types:
    """The types of a function's parameters."""

    def __init__(self, function: Function) -> None:
        signature = function.signature
        self._types = [normal(each) for each in signature.parameters]
        self._is_variadic = signature.is_variadic

    def of(self, number: int) -> str:
        """Return the type of an argument, be there as many or not."""
        if not self._types:
            return ANY
        return self._types[min(number, len(self._types) - 1)]

    def check(self, given: int) -> None:
        """Raise ExecutionError for a wrong number of arguments."""
        wanted = len(self._types) - self._is_variadic
        if given < wanted or (given > wanted and not self._is_variadic):
            least = "at least " if self._is_variadic else ""
            what = f"wrong number of arguments: {least}{wanted} are needed"
            raise ExecutionError(f"{what}, {given} were given")


def _dot(_: Run, dot: object) -> object:
    return dot


def _constant(value: object) -> Evaluate:
    return partial(_value_of, value)


def _value_of(value: object, _run: Run, _dot: object) -> object:
    return value


def _unwrapped(value: object) -> object:
    return NOTHING if value is None else value
