"""Templates of both languages, compiled and rendered by their engines."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from vso_controller.api.v1beta1.shared import TemplateEngine
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.transformation import TemplateSource
from vso_controller.foundation.gojson import JSONValue, Number
from vso_controller.foundation.secret import SecretData
from vso_controller.reconcilers.ports import CompiledTemplates, TemplateInput
from vso_controller.templating.errors import TemplateError
from vso_controller.templating.go.fields import Root
from vso_controller.templating.go.sets import TemplateSet, compile_go
from vso_controller.templating.jinja.templates import JinjaTemplates, compile_jinja
from vso_controller.templating.limits import Limits
from vso_controller.templating.registry import Environment, Library
from vso_controller.templating.texts import Text
from vso_controller.templating.values import JSONNumber, raw

JUDGED = 50_000
"""Sets of templates of which it is remembered what they are like."""
COMPILED = 256
"""Sets of templates that are kept compiled."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is to be known of templates before they are rendered."""

    is_slow: bool
    is_deterministic: bool


class TemplateRenderer:
    """Compiles templates where that is needed, and remembers what came of it.

    A refresh that finds nothing new has to know that its templates can be read, no
    more: for that a few bytes of each set are kept, where closures would be thousands.
    """

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
        # By fingerprint, those that were asked for last at the end.
        self._verdicts: OrderedDict[bytes, Traits | Failure] = OrderedDict()
        self._engines = lru_cache(maxsize=COMPILED)(self._compiled)

    def compile(self, templates: Sequence[TemplateSource]) -> CompiledTemplates:
        """Return the templates, ready to be rendered. Raises Refusal."""
        verdict = self._verdict(tuple(templates))
        if isinstance(verdict, Failure):
            raise Refusal.of(verdict)
        return _Compiled(verdict, tuple(templates), self._render)

    def _verdict(self, templates: tuple[TemplateSource, ...]) -> Traits | Failure:
        fingerprint = _fingerprint(templates)
        verdict = self._verdicts.pop(fingerprint, None)
        if verdict is None:
            verdict = self._judged(templates)
        self._verdicts[fingerprint] = verdict
        if len(self._verdicts) > JUDGED:
            self._verdicts.popitem(last=False)
        return verdict

    def _judged(self, templates: tuple[TemplateSource, ...]) -> Traits | Failure:
        try:
            engines = self._engines(templates)
        except TemplateError as error:
            return Failure(Reason.TRANSFORMATION_INVALID, str(error))
        return engines.traits

    def _compiled(self, templates: tuple[TemplateSource, ...]) -> _Engines:
        def texts_for(engine: TemplateEngine) -> Iterator[Text]:
            for each in templates:
                if each.engine is engine:
                    yield Text(each.name, each.text, each.left, each.right)

        library, limits = self._library, self._limits
        return _Engines(
            go=compile_go(texts_for(TemplateEngine.GO), library, limits),
            jinja=compile_jinja(texts_for(TemplateEngine.JINJA2), library, limits),
        )

    def _render(
        self, templates: tuple[TemplateSource, ...], visible: TemplateInput
    ) -> SecretData:
        environment = self._make_environment(self._limits)
        shown = _all_shown(visible)
        try:
            engines = self._engines(templates)
            root = Root(shown)
            return SecretData(
                {
                    each.key: engines.go.render(each.name, root, environment)
                    if each.engine is TemplateEngine.GO
                    else raw(engines.jinja.render(each.name, shown, environment))
                    for each in templates
                    if each.key
                }
            )
        except TemplateError as error:
            raise Refusal(Reason.TEMPLATE_FAILED, str(error)) from error


@dataclass(frozen=True, slots=True)
class _Engines:
    """The templates of one resource, compiled by the engine of each."""

    go: TemplateSet
    jinja: JinjaTemplates

    @property
    def traits(self) -> Traits:
        """What holds for all of them."""
        both = (self.go, self.jinja)
        return Traits(
            is_slow=any(each.is_slow for each in both),
            is_deterministic=all(each.is_deterministic for each in both),
        )


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Templates of one resource, in the order in which they are rendered."""

    traits: Traits
    templates: tuple[TemplateSource, ...]
    rendered: Callable[[tuple[TemplateSource, ...], TemplateInput], SecretData]

    @property
    def is_slow(self) -> bool:
        return self.traits.is_slow

    @property
    def is_deterministic(self) -> bool:
        return self.traits.is_deterministic

    def render(self, visible: TemplateInput) -> SecretData:
        """Return what each key renders to. Raises Refusal."""
        return self.rendered(self.templates, visible)


def _fingerprint(templates: Iterable[TemplateSource]) -> bytes:
    parts = [
        (each.name, each.key, each.text, each.engine, each.left, each.right)
        for each in templates
    ]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _all_shown(visible: TemplateInput) -> dict[str, dict[str, object]]:
    """Return what templates see, as copies: what one changes no other rendering sees.

    Raises Refusal where it is nested too deeply.
    """
    try:
        return {
            "Secrets": _all(visible.secrets.reveal()),
            "Metadata": _all(visible.metadata.reveal()),
            "Annotations": dict(visible.annotations),
            "Labels": dict(visible.labels),
        }
    except RecursionError as error:
        raise Refusal(
            Reason.INVALID_SECRET_DATA, "the entry is nested too deeply"
        ) from error


def _all(values: Mapping[str, JSONValue]) -> dict[str, object]:
    return {name: _shown(each) for name, each in values.items()}


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
