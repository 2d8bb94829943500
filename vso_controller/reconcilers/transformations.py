"""Transformations: from what a resource asks for to the data of its Secret.

A transformation is prepared before Vault is asked, so a template that cannot be read
costs Vault nothing. What is prepared is judged by the spec of each SecretTransformation
alone, never by its status: whoever is woken by an edit need not wait for another
reconciler to have judged it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from vso_controller.api.model import parse_spec
from vso_controller.api.v1beta1.secrettransformation import SecretTransformationSpec
from vso_controller.api.v1beta1.shared import Transformation, TransformationRef
from vso_controller.domain.inputs import transformation_parts
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.references import (
    ReferenceMalformed,
    Target,
    Tenancy,
    is_watched,
    may_refer,
    transformation_key,
)
from vso_controller.domain.transformation import (
    PLAIN,
    Recipe,
    Referred,
    recipe_of,
    recipe_of_all,
)
from vso_controller.foundation.digest import Digest
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.reconcilers.ports import CompiledTemplates, Renderer, Resources


@dataclass(frozen=True, slots=True)
class Prepared:
    """A transformation that is ready for the data of Vault."""

    recipe: Recipe
    templates: CompiledTemplates | None = None  # None: there are none to render
    digest: bytes = b""  # of all that was asked for; b"": nothing was
    annotations: Mapping[str, str] | None = None
    labels: Mapping[str, str] | None = None


class Transformations:
    """Prepares transformations, and judges what is referred to."""

    def __init__(
        self,
        *,
        resources: Resources,
        renderer: Renderer,
        digest: Digest,
        exclude_raw: bool,
        tenancy: Tenancy,
        scopes: Collection[str],
    ) -> None:
        self._resources = resources
        self._renderer = renderer
        self._digest = digest
        self._exclude_raw = exclude_raw
        self._tenancy = tenancy
        self._scopes = scopes

    def prepare(self, owner: Envelope, asked: Transformation | None) -> Prepared:
        """Return what `owner` asks for. Raises Refusal with all that is wrong."""
        if asked is None:
            return Prepared(Recipe(exclude_raw=True) if self._exclude_raw else PLAIN)
        recipe = recipe_of(
            owner.key,
            asked,
            list(self._referred(owner.key, asked)),
            exclude_raw=self._exclude_raw,
        )
        if isinstance(recipe, Failure):
            raise _at(recipe, "spec.destination.transformation")
        parts = transformation_parts(
            recipe, annotations=owner.annotations, labels=owner.labels
        )
        return Prepared(
            recipe=recipe,
            templates=self._compiled(recipe),
            digest=self._digest(parts),
            annotations=owner.annotations,
            labels=owner.labels,
        )

    def check(self, envelope: Envelope) -> None:
        """Raise Refusal if a SecretTransformation cannot be used as it is."""
        self._checked_spec(envelope)

    def _referred(self, owner: ObjectKey, asked: Transformation) -> Iterator[Referred]:
        for reference in asked.transformation_refs:
            key = self._key(owner, reference)
            self._check_watched(key)
            envelope = self._resources.get(key)
            if envelope is None or envelope.deleting:
                raise Refusal(
                    Reason.SECRET_TRANSFORMATION_NOT_FOUND,
                    f"SecretTransformation {key} does not exist",
                )
            try:
                spec = self._checked_spec(envelope)
            except Refusal as refusal:
                raise Refusal(
                    Reason.SECRET_TRANSFORMATION_INVALID,
                    f"SecretTransformation {key}: {refusal}",
                ) from refusal
            yield Referred(reference, key, spec)

    def _key(self, owner: ObjectKey, reference: TransformationRef) -> ObjectKey:
        """Return what `owner` refers to, if it may."""
        try:
            key = transformation_key(
                reference.name, namespace=reference.namespace or "", beside=owner
            )
        except ReferenceMalformed as error:
            raise Refusal(
                Reason.INVALID_REFERENCE,
                f"spec.destination.transformation.transformationRefs: {error}",
            ) from error
        if not may_refer(
            owner.namespace,
            to=Target.SECRET_TRANSFORMATION,
            key=key,
            tenancy=self._tenancy,
        ):
            raise Refusal(
                Reason.SECRET_TRANSFORMATION_NOT_ALLOWED,
                f"SecretTransformation {key} is not for namespace {owner.namespace}: "
                f"{key.namespace} is not among the --shared-namespaces of the "
                "controller",
            )
        return key

    def _checked_spec(self, envelope: Envelope) -> SecretTransformationSpec:
        try:
            spec = parse_spec(SecretTransformationSpec, envelope.spec)
        except Invalid as error:
            raise Refusal(Reason.INVALID_SPEC, str(error)) from error
        recipe = recipe_of_all(envelope.key, spec)
        if isinstance(recipe, Failure):
            raise _at(recipe, "spec")
        self._compiled(recipe)
        return spec

    def _compiled(self, recipe: Recipe) -> CompiledTemplates | None:
        return self._renderer.compile(recipe.templates) if recipe.templates else None

    def _check_watched(self, key: ObjectKey) -> None:
        if not is_watched(key.namespace, scopes=self._scopes):
            raise Refusal(
                Reason.NAMESPACE_NOT_WATCHED,
                f"SecretTransformation {key} cannot be seen: namespace "
                f"{key.namespace} is not among the --watch-namespaces of the "
                "controller",
            )


def _at(failure: Failure, place: str) -> Refusal:
    return Refusal(failure.reason, f"{place}: {failure.message}")
