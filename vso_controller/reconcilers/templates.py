"""Templates of both languages, compiled and rendered by their engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vso_controller.api.v1beta1.shared import TemplateEngine
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.transformation import TemplateSource
from vso_controller.foundation.gojson import JSONValue, Number
from vso_controller.foundation.secret import SecretData
from vso_controller.reconcilers.ports import CompiledTemplates, TemplateInput
from vso_controller.templating.errors import TemplateError
from vso_controller.templating.jinja.reading import Text
from vso_controller.templating.jinja.templates import JinjaTemplates, compile_jinja
from vso_controller.templating.limits import Limits
from vso_controller.templating.registry import Environment, Library
from vso_controller.templating.values import JSONNumber, raw

REMEMBERED = 256
"""Sets of templates that are kept compiled, or known not to compile."""


class TemplateRenderer:
    """Compiles templates, and remembers what came of it."""

    def __init__(
        self,
        *,
        library: Library,
        limits: Limits,
        make_environment: Callable[[Limits], Environment],
    ) -> None:
        self._library = library
        self._limits = limits
        self._make_environment = make_environment
        self._compile = lru_cache(maxsize=REMEMBERED)(self._compiled)

    def compile(self, templates: Sequence[TemplateSource]) -> CompiledTemplates:
        """Return the templates, ready to be rendered. Raises Refusal."""
        found = self._compile(tuple(templates))
        if isinstance(found, Failure):
            raise Refusal.of(found)
        return found

    def _compiled(
        self, templates: tuple[TemplateSource, ...]
    ) -> CompiledTemplates | Failure:
        foreign = [each for each in templates if each.engine is TemplateEngine.GO]
        if foreign:
            return Failure(
                Reason.UNSUPPORTED_FEATURE,
                f"{foreign[0].name}: templates in Go's language are not supported by "
                "this version",
            )
        try:
            jinja = compile_jinja(
                (
                    Text(each.name, each.text, each.left, each.right)
                    for each in templates
                    if each.engine is TemplateEngine.JINJA2
                ),
                self._library,
                self._limits,
            )
        except TemplateError as error:
            return Failure(Reason.TRANSFORMATION_INVALID, str(error))
        return _Compiled(
            tuple(each for each in templates if each.key),
            jinja,
            lambda: self._make_environment(self._limits),
        )


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Templates of one resource, in the order in which they are rendered."""

    keyed: tuple[TemplateSource, ...]
    jinja: JinjaTemplates
    make_environment: Callable[[], Environment]

    @property
    def is_slow(self) -> bool:
        return self.jinja.is_slow

    @property
    def is_deterministic(self) -> bool:
        return self.jinja.is_deterministic

    def render(self, visible: TemplateInput) -> SecretData:
        """Return what each key renders to. Raises Refusal."""
        environment = self.make_environment()
        shown = _all_shown(visible)
        try:
            return SecretData(
                {
                    each.key: raw(self.jinja.render(each.name, shown, environment))
                    for each in self.keyed
                }
            )
        except TemplateError as error:
            raise Refusal(Reason.TEMPLATE_FAILED, str(error)) from error


def _all_shown(visible: TemplateInput) -> dict[str, object]:
    """Return what templates see, as copies: what one changes no other rendering sees.

    Raises Refusal where it is nested too deeply.
    """
    try:
        return {
            "Secrets": _shown(visible.secrets.reveal()),
            "Metadata": _shown(visible.metadata.reveal()),
            "Annotations": dict(visible.annotations),
            "Labels": dict(visible.labels),
        }
    except RecursionError as error:
        raise Refusal(
            Reason.INVALID_SECRET_DATA, "the entry is nested too deeply"
        ) from error


def _shown(value: JSONValue) -> object:
    """Return a copy of decoded JSON in the values of templates."""
    match value:
        case Number():
            return JSONNumber(value)
        case dict():
            return {key: _shown(each) for key, each in value.items()}
        case list():
            return [_shown(each) for each in value]
    return value
