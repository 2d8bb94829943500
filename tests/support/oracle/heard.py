"""One exchange with its content, as a tap hears it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from tests.support.requestlog import RequestHead

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A request and its answer, whole. It holds secrets: read it and let it go."""

    head: RequestHead
    who: str
    at: float
    request: bytes = b""
    status: int | None = None  # None: no answer (yet)
    answer: bytes = b""
    answered: float | None = None

    @property
    def asked(self) -> Document:
        """The JSON object that was sent, {} where it was none."""
        return _object(self.request)

    @property
    def told(self) -> Document:
        """The JSON object that came back, {} where it was none or none came."""
        return _object(self.answer)

    @property
    def succeeded(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status is not None and self.status in range(200, 300)

    def with_answer(self, *, status: int, answer: bytes, at: float) -> Heard:
        """Return the exchange after its end."""
        return replace(self, status=status, answer=answer, answered=at)


def _object(text: bytes) -> Document:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
