"""Templates of both languages, compiled by the engines that there are."""

from __future__ import annotations

from collections.abc import Sequence

from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.domain.transformation import TemplateSource
from vso_controller.reconcilers.ports import CompiledTemplates


class TemplateRenderer:
    """Compiles templates."""

    def compile(self, templates: Sequence[TemplateSource]) -> CompiledTemplates:
        """Refuse them until there is an engine."""
        raise Refusal(Reason.UNSUPPORTED_FEATURE, f"{templates[0].name}: no engine")
