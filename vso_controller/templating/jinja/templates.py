"""Templates in Jinja2's language, compiled and rendered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vso_controller.templating.errors import ParseError
from vso_controller.templating.jinja.calls import with_those_of_go
from vso_controller.templating.jinja.expressions import Expressions
from vso_controller.templating.jinja.reading import depth_of, position, read
from vso_controller.templating.jinja.running import Piece, Run, Scope
from vso_controller.templating.jinja.statements import Statements
from vso_controller.templating.limits import Limits
from vso_controller.templating.registry import Environment, Function, Library
from vso_controller.templating.texts import Text


class JinjaTemplates:
    """Templates that can include each other."""

    def __init__(
        self, pieces: Mapping[str, Piece], functions: frozenset[Function]
    ) -> None:
        self._pieces = pieces
        self.is_slow = any(each.is_slow for each in functions)
        self.is_deterministic = all(each.is_deterministic for each in functions)

    def render(
        self, name: str, visible: Mapping[str, object], environment: Environment
    ) -> str:
        """Return what a template prints. Raises TemplateError, and no other error."""
        run = Run(environment=environment, included=self._pieces)
        piece = self._pieces[name]
        run.depth = piece.depth
        piece.body(Scope(run, {}, Scope(run, dict(visible))))
        return "".join(run.parts)


def compile_jinja(
    texts: Iterable[Text], library: Library, limits: Limits
) -> JinjaTemplates:
    """Return the templates, ready to be rendered. Raises ParseError, LimitReached."""
    offered = with_those_of_go(library)
    pieces: dict[str, Piece] = {}
    functions: set[Function] = set()
    for text in texts:
        if text.name in pieces:
            raise ParseError("another one has its name", at=position(text.name, 1))
        template = read(text, limits)
        expressions = Expressions(text.name, offered)
        body = Statements(text.name, expressions).body(template.body)
        pieces[text.name] = Piece(body, depth_of(template))
        functions |= expressions.functions
    return JinjaTemplates(pieces, frozenset(functions))
