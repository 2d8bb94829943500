"""Sets of templates: parsed and compiled once, rendered as often as need be."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from vso_controller.templating.errors import ExecutionError, LimitReached
from vso_controller.templating.go.builtins import BUILTINS
from vso_controller.templating.go.nodes import is_empty
from vso_controller.templating.go.parser import Template, parse
from vso_controller.templating.go.running import Body, Output, Run
from vso_controller.templating.go.statements import compile_template
from vso_controller.templating.limits import Limits
from vso_controller.templating.registry import Environment, Function, Library
from vso_controller.templating.texts import Text


class TemplateSet:
    """Compiled templates that can call each other."""

    def __init__(
        self, bodies: Mapping[str, Body], functions: Sequence[Function]
    ) -> None:
        self._bodies = bodies
        self.is_slow = any(each.is_slow for each in functions)
        """Whether it takes long on purpose, so that a thread should render it."""
        self.is_deterministic = all(each.is_deterministic for each in functions)
        """Whether the same data give the same result, always."""

    def render(self, name: str, data: object, environment: Environment) -> bytes:
        """Return what the template `name` prints for `data`.

        `data` is changed by templates that do so (`set`), for those that are rendered
        after them. Raises ExecutionError and LimitReached.
        """
        body = self._bodies.get(name)
        if body is None:
            raise ExecutionError(f"template {name!r} not defined")
        output = Output(environment.budget.limits.output)
        run = Run(
            environment=environment,
            templates=self._bodies,
            output=output,
            data=data,
            depth=0,
        )
        try:
            body(run, data)
        except RecursionError:
            deepest = environment.budget.limits.depth
            raise LimitReached("depth", allowed=deepest) from None
        return output.content()


def compile_go(texts: Iterable[Text], library: Library, limits: Limits) -> TemplateSet:
    """Return the set of these templates, which may also call Go's own functions.

    A template that comes later replaces one of its name, unless it is empty. Raises
    ParseError, LimitReached.
    """
    functions: Library = {**BUILTINS, **library}
    used = _Noting(functions)
    try:
        templates = _parsed(texts, used, limits)
        bodies = {
            name: compile_template(template, functions)
            for name, template in templates.items()
        }
    except RecursionError:
        raise LimitReached("nesting", allowed=limits.nesting) from None
    return TemplateSet(bodies, [functions[name] for name in used.seen])


def _parsed(
    texts: Iterable[Text], functions: Container[str], limits: Limits
) -> dict[str, Template]:
    templates: dict[str, Template] = {}
    for each in texts:
        parsed = parse(
            each.name,
            each.text,
            functions=functions,
            limits=limits,
            left=each.left,
            right=each.right,
        )
        for name, template in parsed.items():
            if name not in templates or not is_empty(template.body):
                templates[name] = template
    return templates


class _Noting:
    """The names of a library, which notes those that were asked for."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.seen: set[str] = set()

    def __contains__(self, name: object) -> bool:
        if name not in self._library:
            return False
        self.seen.add(str(name))
        return True
