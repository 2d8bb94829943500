"""Compiles the bodies of templates to closures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vso_controller.templating.errors import ExecutionError, TemplateError
from vso_controller.templating.go.expressions import Expressions
from vso_controller.templating.go.fields import Root
from vso_controller.templating.go.nodes import (
    ActionNode,
    BranchNode,
    CallNode,
    JumpNode,
    Statements,
    TextNode,
)
from vso_controller.templating.go.nodes import (
    Statement as Node,
)
from vso_controller.templating.go.parser import Template
from vso_controller.templating.go.running import (
    NOTHING,
    Absent,
    Body,
    Jump,
    Run,
    Statement,
)
from vso_controller.templating.go.truth import is_true
from vso_controller.templating.printing import printed
from vso_controller.templating.registry import Library
from vso_controller.templating.values import (
    JSONNumber,
    UInt8,
    kind_of,
    raw,
)

NO_VALUE = "<no value>"


def compile_template(template: Template, library: Library) -> Body:
    """Return what executes a template."""
    return _Compiler(template, library).body(template.body)


class _Compiler:
    def __init__(self, template: Template, library: Library) -> None:
        self._source = template.source
        self._expressions = Expressions(template.source, library)
        self._kinds: dict[type, Callable[..., Statement]] = {
            TextNode: self._text,
            ActionNode: self._action,
            BranchNode: self._branch,
            JumpNode: self._jump,
            CallNode: self._call,
        }

    def body(self, nodes: Statements) -> Body:
        """Compile a list of statements; it ends early at a `break` or `continue`."""
        statements = [self._statement(node) for node in nodes]
        if len(statements) == 1:
            return statements[0]

        def execute(run: Run, dot: object) -> Jump | None:
            for each in statements:
                jump = each(run, dot)
                if jump is not None:
                    return jump
            return None

        return execute

    def _statement(self, node: Node) -> Statement:
        return self._kinds[type(node)](node)

    @staticmethod
    def _text(node: TextNode) -> Statement:
        text = node.text

        def execute(run: Run, _: object) -> None:
            run.output.write(text)

        return execute

    def _action(self, node: ActionNode) -> Statement:
        evaluate = self._expressions.pipeline(node.pipeline)
        is_silent = bool(node.pipeline.names)

        def execute(run: Run, dot: object) -> None:
            value = evaluate(run, dot)
            if not is_silent:
                run.output.write(_shown(run, value))

        return execute

    @staticmethod
    def _jump(node: JumpNode) -> Statement:
        jump = Jump.BREAK if node.keyword == "break" else Jump.CONTINUE
        return lambda _run, _dot: jump

    def _call(self, node: CallNode) -> Statement:
        pipeline = node.pipeline
        evaluate = None if pipeline is None else self._expressions.pipeline(pipeline)

        def execute(run: Run, dot: object) -> None:
            run.budget.step()
            data = NOTHING if evaluate is None else evaluate(run, dot)
            if node.name not in run.templates:
                what = f"template {node.name!r} not defined"
                raise ExecutionError(what, at=self._source.at(node.start))
            try:
                run.call(node.name, data)
            except TemplateError as error:
                error.located(self._source.at(node.start))
                raise

        return execute

    def _branch(self, node: BranchNode) -> Statement:
        execute = self._range(node) if node.keyword == "range" else self._choice(node)

        def scoped(run: Run, dot: object) -> Jump | None:
            run.budget.step()
            known = len(run.variables)
            jump = execute(run, dot)
            del run.variables[known:]
            return jump

        return scoped

    def _choice(self, node: BranchNode) -> Statement:
        evaluate = self._expressions.pipeline(node.pipeline)
        body, otherwise = self.body(node.body), self.body(node.otherwise)
        moves_dot = node.keyword == "with"

        def execute(run: Run, dot: object) -> Jump | None:
            value = evaluate(run, dot)
            if is_true(value):
                return body(run, value if moves_dot else dot)
            return otherwise(run, dot)

        return execute

    def _range(self, node: BranchNode) -> Statement:
        evaluate = self._expressions.pipeline(node.pipeline)
        body, otherwise = self.body(node.body), self.body(node.otherwise)

        def execute(run: Run, dot: object) -> Jump | None:
            value = evaluate(run, dot)
            is_empty = True
            for key, element in self._elements(value, node):
                is_empty = False
                run.budget.step()
                known = len(run.variables)
                self._set_variables(run, node, key, element)
                jump = body(run, element)
                del run.variables[known:]
                if jump is Jump.BREAK:
                    break
            return otherwise(run, dot) if is_empty else None

        return execute

    def _set_variables(
        self, run: Run, node: BranchNode, key: object, element: object
    ) -> None:
        names = node.pipeline.names
        if not names:
            return
        values = [element] if len(names) == 1 else [key, element]
        for name, value in zip(names, values, strict=True):
            known = NOTHING if value is None else value
            self._expressions.set_variable(run, name, known, node.pipeline)

    def _elements(
        self, value: object, node: BranchNode
    ) -> Iterable[tuple[object, object]]:
        if isinstance(value, Absent):
            return ()
        if isinstance(value, dict):
            return sorted(value.items(), key=lambda item: raw(item[0]))
        if isinstance(value, bytes):
            return enumerate(map(UInt8, value))
        if isinstance(value, list):
            return enumerate(tuple(value))
        if isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipeline.names) > 1:
                raise self._error("a number gives but one variable", node)
            return _counted(value)
        what = "json.Number" if isinstance(value, JSONNumber) else kind_of(value)
        raise self._error(f"range can't iterate over a {what}", node)

    def _error(self, what: str, node: BranchNode) -> ExecutionError:
        return ExecutionError(what, at=self._source.at(node.pipeline.start))


def _counted(number: int) -> Iterator[tuple[object, object]]:
    type_ = type(number)
    for each in range(number):
        yield NOTHING, type_(each)


def _shown(run: Run, value: object) -> str:
    if isinstance(value, Absent):
        return NO_VALUE
    shown = printed(run.budget, value)
    # What a pointer points to is shown without the sign for the pointer.
    return shown.removeprefix("&") if isinstance(value, Root) else shown
