"""Templates in memory, in a language of a few words.

`$key` is a value of the entry, `@name` an annotation, `%` a number that is another one
each time, `slow` takes a thread, `fail` fails and `broken` cannot be read.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from vso_controller.domain.reasons import Reason, Refusal
from vso_controller.domain.transformation import TemplateSource
from vso_controller.foundation.secret import SecretData
from vso_controller.reconcilers.ports import TemplateInput

_KEY = re.compile(r"\$(\w+)")
_ANNOTATION = re.compile(r"@(\w+)")


@dataclass
class FakeRenderer:
    """Reads templates; `rendered` counts how many sets were."""

    rendered: int = 0
    numbers: count[int] = field(default_factory=lambda: count(1))
    threads: set[int] = field(default_factory=set)  # that sets were rendered in

    def compile(self, templates: Sequence[TemplateSource]) -> FakeTemplates:
        for each in templates:
            if "broken" in each.text:
                raise Refusal(
                    Reason.TRANSFORMATION_INVALID, f"{each.name}:1: it is broken"
                )
        return FakeTemplates(self, tuple(templates))


@dataclass(frozen=True)
class FakeTemplates:
    """Templates that were read."""

    renderer: FakeRenderer
    sources: tuple[TemplateSource, ...]

    @property
    def is_slow(self) -> bool:
        return any("slow" in each.text for each in self.sources)

    @property
    def is_deterministic(self) -> bool:
        return not any("%" in each.text for each in self.sources)

    def render(self, visible: TemplateInput) -> SecretData:
        self.renderer.rendered += 1
        self.renderer.threads.add(threading.get_ident())
        return SecretData(
            {
                each.key: self._render(each, visible).encode()
                for each in self.sources
                if each.key
            }
        )

    def _render(self, source: TemplateSource, visible: TemplateInput) -> str:
        if "fail" in source.text:
            raise Refusal(Reason.TEMPLATE_FAILED, f"{source.name}:1: it fails")
        values = visible.secrets.reveal()
        text = _KEY.sub(lambda found: str(values[found[1]]), source.text)
        text = _ANNOTATION.sub(lambda found: visible.annotations[found[1]], text)
        return text.replace("%", str(next(self.renderer.numbers)))
