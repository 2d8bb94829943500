"""Sets of templates: parsed and compiled once, rendered many times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vso_controller.templating.errors import ExecutionError
from vso_controller.templating.go.nodes import is_empty
from vso_controller.templating.go.parser import Template, parse
from vso_controller.templating.go.running import Body, Output, Run
from vso_controller.templating.go.statements import compile_template
from vso_controller.templating.limits import Limits
from vso_controller.templating.registry import Environment, Library


@dataclass(frozen=True, slots=True)
class Text:
    """One template of a set, as it is written. "" for the usual delimiters."""

    name: str
    text: str
    left: str = ""
    right: str = ""


class TemplateSet:
    """Compiled templates that can call each other."""

    def __init__(
        self, bodies: Mapping[str, Body], *, used: frozenset[str], is_slow: bool
    ) -> None:
        self._bodies = bodies
        self.functions = used
        """The names of the functions that occur in it."""
        self.is_slow = is_slow
        """Whether one of them takes long on purpose, so that a thread should render."""

    def render(self, name: str, data: object, environment: Environment) -> bytes:
        """Return what the template `name` prints for `data`.

        Raises ExecutionError and LimitReached.
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
        body(run, data)
        return output.content()


class Compiler:
    """Compiles sets of templates, and remembers those it compiled lately."""

    def __init__(self, *, library: Library, limits: Limits, most: int = 256) -> None:
        self._library = library
        self._limits = limits
        self._most = most
        self._sets: OrderedDict[tuple[Text, ...], TemplateSet] = OrderedDict()

    def compile(self, texts: Sequence[Text]) -> TemplateSet:
        """Return the set of these templates; one that comes later replaces others.

        A template that is empty replaces none. Raises ParseError, LimitReached.
        """
        key = tuple(texts)
        found = self._sets.get(key)
        if found is not None:
            self._sets.move_to_end(key)
            return found
        made = self._sets[key] = self._compile(key)
        if len(self._sets) > self._most:
            self._sets.popitem(last=False)
        return made

    def _compile(self, texts: tuple[Text, ...]) -> TemplateSet:
        used = _Noting(self._library)
        templates: dict[str, Template] = {}
        for each in texts:
            parsed = parse(
                each.name,
                each.text,
                functions=used,
                limits=self._limits,
                left=each.left,
                right=each.right,
            )
            for name, template in parsed.items():
                if name not in templates or not is_empty(template.body):
                    templates[name] = template
        bodies = {
            name: compile_template(template, self._library)
            for name, template in templates.items()
        }
        is_slow = any(self._library[name].is_slow for name in used.seen)
        return TemplateSet(bodies, used=frozenset(used.seen), is_slow=is_slow)


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
