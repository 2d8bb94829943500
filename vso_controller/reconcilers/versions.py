"""Which version of its entry each resource was last brought in step with.

No status has a place for it, so it is kept in memory: what goes back while nobody
leads, or before the first read of a new leader, is taken without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vso_controller.domain.sourceversion import Setback, setback
from vso_controller.foundation.objects import Envelope, ObjectKey


class SetbackObserver(Protocol):
    """Is told what metrics count."""

    def version_went_back(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    uid: str
    question: str
    version: int


class SeenVersions:
    """Remembers versions; another question, or another uid, begins anew."""

    def __init__(self, *, observer: SetbackObserver) -> None:
        self._observer = observer
        self._seen: dict[ObjectKey, _Seen] = {}

    def setback(
        self, resource: Envelope, *, question: str, version: int
    ) -> Setback | None:
        """Return how far `version` lies behind what is remembered, if it does."""
        seen = self._seen.get(resource.key)
        if seen is None or (seen.uid, seen.question) != (resource.uid, question):
            return None
        return setback(seen.version, version)

    def note(self, resource: Envelope, *, question: str, version: int) -> None:
        """Remember what was written and told; count it if it was a step back."""
        if self.setback(resource, question=question, version=version) is not None:
            self._observer.version_went_back()
        self._seen[resource.key] = _Seen(resource.uid, question, version)

    def forget(self, key: ObjectKey) -> None:
        """Forget a resource that is gone. It is no error not to have known it."""
        self._seen.pop(key, None)

    def clear(self) -> None:
        """Forget all: somebody else may lead from now on."""
        self._seen.clear()
