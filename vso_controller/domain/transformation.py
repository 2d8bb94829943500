"""What a transformation says, with all that it refers to, as one recipe.

Pure. The order in which templates are gathered, their names and their keys are
upstream's: of two templates for one key the last one in the order of keys and names
wins, so a Secret does not change when a cluster changes operators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vso_controller.api.v1beta1.secrettransformation import (
    SecretTransformationSpec,
    SourceTemplate,
)
from vso_controller.api.v1beta1.shared import (
    Template,
    TemplateEngine,
    TemplateRef,
    Transformation,
    TransformationRef,
)
from vso_controller.domain.filters import KeyFilter, key_filter
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.foundation.objects import ObjectKey

RAW_KEY = "_raw"


class TransformationOption(StrEnum):
    """What can be asked for on behalf of all resources."""

    EXCLUDE_RAW = "exclude-raw"


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A template that is to be compiled together with others."""

    name: str
    key: str  # of the Secret; "" for one that only others call
    text: str
    engine: TemplateEngine = TemplateEngine.GO
    left: str = ""  # "" for the engine's own
    right: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the data of a Secret is made from an entry of Vault."""

    templates: tuple[TemplateSource, ...] = ()  # in the order they are rendered in
    filter: KeyFilter = KeyFilter()  # noqa: RUF009 - it is frozen
    names: Mapping[str, str] = field(default_factory=dict)  # new ones by the old
    separator: str | None = None  # None: objects are not flattened
    exclude_raw: bool = False


PLAIN = Recipe()
"""Every key as it is, and `_raw`."""


@dataclass(frozen=True, slots=True)
class Referred:
    """A SecretTransformation that a transformation refers to."""

    reference: TransformationRef
    key: ObjectKey
    spec: SecretTransformationSpec


def recipe_of(
    owner: ObjectKey,
    asked: Transformation,
    referred: Sequence[Referred],
    *,
    exclude_raw: bool,
) -> Recipe | Failure:
    """Return what the resource `owner` asks for, or all that is wrong with it.

    `exclude_raw` is what holds for all resources.
    """
    gathered = _Gathered()
    gathered.add_own(owner, asked.templates)
    for each in referred:
        gathered.add_referred(each)
    problems = [
        *_repeated("SecretTransformation", (str(each.key) for each in referred)),
        *gathered.problems,
        *_repeated("the template", (each.name for each in gathered.templates)),
        *_wrong_names(asked, {each.key for each in gathered.templates}),
    ]
    if problems:
        return Failure(Reason.TRANSFORMATION_INVALID, "; ".join(problems))
    kept = key_filter(
        includes=_patterns(
            asked.includes,
            (
                each.spec.includes
                for each in referred
                if not each.reference.ignore_includes
            ),
        ),
        excludes=_patterns(
            asked.excludes,
            (
                each.spec.excludes
                for each in referred
                if not each.reference.ignore_excludes
            ),
        ),
    )
    if isinstance(kept, Failure):
        return kept
    return Recipe(
        templates=in_order(gathered.templates),
        filter=kept,
        names={each.source: each.target for each in asked.rename},
        separator=None if asked.flatten is None else asked.flatten.separator,
        exclude_raw=exclude_raw or bool(asked.exclude_raw),
    )


def recipe_of_all(key: ObjectKey, spec: SecretTransformationSpec) -> Recipe | Failure:
    """Return what one would get who refers to the whole of a SecretTransformation."""
    reference = TransformationRef(name=key.name, namespace=key.namespace)
    whole = Referred(reference, key, spec)
    return recipe_of(key, Transformation(), [whole], exclude_raw=False)


def in_order(templates: Iterable[TemplateSource]) -> tuple[TemplateSource, ...]:
    """Return the templates in the order in which they are read and rendered."""
    return tuple(sorted(templates, key=lambda each: f"{each.key}0{each.name}"))


class _Gathered:
    """The templates of a resource, as they are found one after the other."""

    def __init__(self) -> None:
        self.templates: list[TemplateSource] = []
        self.problems: list[str] = []

    def add_own(self, owner: ObjectKey, templates: Mapping[str, Template]) -> None:
        for key in sorted(templates):
            self._add(templates[key], f"{owner}/{key}", key)

    def add_referred(self, referred: Referred) -> None:
        wanted = referred.reference.template_refs
        for reference in wanted:
            self._add_one(referred, reference)
        for position, each in enumerate(referred.spec.source_templates):
            self._add(each, f"{referred.key}/{position}", "")
        if not wanted:
            self._add_all(referred)

    def _add_one(self, referred: Referred, reference: TemplateRef) -> None:
        template = referred.spec.templates.get(reference.name)
        if template is None:
            self.problems.append(
                f"SecretTransformation {referred.key} has no template "
                f"{reference.name!r}"
            )
            return
        name = f"{referred.key}/{reference.name}"
        self._add(template, name, reference.key_override or reference.name)

    def _add_all(self, referred: Referred) -> None:
        names = {each.name for each in self.templates}
        for key in sorted(referred.spec.templates.keys() - names):
            self._add(referred.spec.templates[key], f"{referred.key}/{key}", key)

    def _add(self, template: Template | SourceTemplate, name: str, key: str) -> None:
        self.templates.append(
            TemplateSource(
                name=template.name or name,
                key=key,
                text=template.text,
                engine=template.engine or TemplateEngine.GO,
                left=template.left_delimiter or "",
                right=template.right_delimiter or "",
            )
        )


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    for name, times in sorted(Counter(names).items()):
        if times > 1:
            yield f"{what} {name} is there more than once"


def _wrong_names(asked: Transformation, keys: set[str]) -> Iterator[str]:
    yield from _repeated("rename: from", (each.source for each in asked.rename))
    yield from _repeated("rename: to", (each.target for each in asked.rename))
    for each in asked.rename:
        if each.target in keys:
            yield f"rename: a template has the key {each.target!r} already"
        if each.target == RAW_KEY:
            yield f"rename: {RAW_KEY} is the name of the whole answer of Vault"


def _patterns(own: Iterable[str], others: Iterable[Iterable[str]]) -> list[str]:
    return [*own, *(each for some in others for each in some)]
