"""From what Vault says to the data of a Secret, rendering only what has to be.

A template that failed is not rendered again until something it is made from changes, so
that one which is expensive to fail costs its price once.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vso_controller.domain.inputs import Recorded, input_parts, is_made_from
from vso_controller.domain.reasons import Failure, Reason, Refusal
from vso_controller.domain.secretdata import build_data
from vso_controller.foundation.clock import from_rfc3339
from vso_controller.foundation.digest import Digest
from vso_controller.foundation.gojson import JSONValue
from vso_controller.foundation.objects import Envelope, ObjectKey
from vso_controller.foundation.secret import Secret, SecretData
from vso_controller.reconcilers.ports import CompiledTemplates, TemplateInput
from vso_controller.reconcilers.transformations import Prepared

Document = Secret[dict[str, JSONValue]]

SLOW_AT_ONCE = 2
"""Sets with slow functions that are rendered at a time, in threads: what they take is
CPU, and threads are needed for more than that."""


class RenderingResult(StrEnum):
    """What came of templates that were to be rendered; a label of a metric."""

    RENDERED = "rendered"
    KEPT = "kept"
    FAILED = "failed"


class RenderingObserver(Protocol):
    """Is told what metrics count."""

    def rendering(self, result: RenderingResult, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What Vault said: its values, what it says about them, and the whole of it."""

    data: Document
    metadata: Document
    whole: Document

    @classmethod
    def of_answer(cls, answer: Document) -> Entry:
        """Return the entry of an engine that says nothing besides the values.

        What templates see as metadata is then, as upstream has it, the member of that
        name if it is an object.
        """
        metadata = answer.reveal().get("metadata")
        described = metadata if isinstance(metadata, dict) else {}
        return cls(answer, Secret(described), answer)


@dataclass(frozen=True, slots=True)
class Filling:
    """The data of a Secret, and what it was made from."""

    digest: bytes  # of the data
    data: SecretData | None = None  # None: what is there, which has this digest
    input: bytes = b""  # digest of what it was made from; b"": nothing was rendered


@dataclass(frozen=True, slots=True)
class _Rendering:
    uid: str
    input: bytes
    outcome: bytes | Failure  # digest of the data, or why there is none


class Fillings:
    """Makes the data of Secrets, and remembers what it was made from."""

    def __init__(self, *, digest: Digest, observer: RenderingObserver) -> None:
        self._digest = digest
        self._observer = observer
        self._last: dict[ObjectKey, _Rendering] = {}
        self._slow = asyncio.Semaphore(SLOW_AT_ONCE)

    async def fill(
        self,
        resource: Envelope,
        prepared: Prepared,
        entry: Entry,
        *,
        recorded: Recorded,
        there: bytes,
    ) -> Filling:
        """Return the data of the Secret of a resource. Raises Refusal.

        `recorded` is what its status says of the last sync, `there` the digest of the
        data that can stay as it is, b"" if none can.
        """
        if prepared.templates is None:
            return self._filling(prepared, entry, Secret({}))
        found = self._digest_of(prepared, entry)
        try:
            recorded = self._recalled(resource, found, recorded)
            if _stays(there, found, recorded, prepared.templates, entry):
                self._observer.rendering(RenderingResult.KEPT)
                return Filling(recorded.data, input=found)
            rendered = await self._rendered(
                prepared.templates, _visible(prepared, entry)
            )
        except Refusal as refusal:
            self._remember(resource, found, refusal.failure)
            self._observer.rendering(RenderingResult.FAILED)
            raise
        self._observer.rendering(RenderingResult.RENDERED)
        filling = self._filling(prepared, entry, rendered, found)
        self._remember(resource, found, filling.digest)
        return filling

    def forget(self, key: ObjectKey) -> None:
        """Forget a resource that is gone. It is no error not to have known it."""
        self._last.pop(key, None)

    def clear(self) -> None:
        """Forget all: somebody else may lead from now on."""
        self._last.clear()

    def _remember(
        self, resource: Envelope, found: bytes, outcome: bytes | Failure
    ) -> None:
        self._last[resource.key] = _Rendering(resource.uid, found, outcome)

    def _recalled(
        self, resource: Envelope, found: bytes, recorded: Recorded
    ) -> Recorded:
        """Return what is known of the last sync, from memory if no status has it.

        Raises Refusal with what went wrong the last time if the input is still that.
        """
        last = self._last.get(resource.key)
        if last is None or (last.uid, last.input) != (resource.uid, found):
            return recorded
        if isinstance(last.outcome, Failure):
            raise Refusal.of(last.outcome)
        return recorded if recorded.data else Recorded(last.outcome, input=found)

    def _digest_of(self, prepared: Prepared, entry: Entry) -> bytes:
        try:
            parts = input_parts(
                prepared.digest,
                data=entry.data.reveal(),
                metadata=entry.metadata.reveal(),
            )
        except ValueError as error:
            raise Refusal(Reason.INVALID_SECRET_DATA, str(error)) from error
        return self._digest(parts)

    def _filling(
        self, prepared: Prepared, entry: Entry, rendered: SecretData, found: bytes = b""
    ) -> Filling:
        data = build_data(
            entry.data.reveal(),
            whole=entry.whole.reveal(),
            recipe=prepared.recipe,
            rendered=rendered.reveal(),
        )
        if isinstance(data, Failure):
            raise Refusal.of(data)
        return Filling(self._digest(data), Secret(data), found)

    async def _rendered(
        self, templates: CompiledTemplates, visible: TemplateInput
    ) -> SecretData:
        if not templates.is_slow:
            return templates.render(visible)
        async with self._slow:
            return await asyncio.to_thread(templates.render, visible)


def _stays(
    there: bytes,
    found: bytes,
    recorded: Recorded,
    templates: CompiledTemplates,
    entry: Entry,
) -> bool:
    """Tell whether the Secret still has what was made from this very input."""
    return (
        bool(there)
        and hmac.compare_digest(there, recorded.data)
        and is_made_from(
            found,
            recorded,
            created=_created(entry),
            deterministic=templates.is_deterministic,
        )
    )


def _created(entry: Entry) -> float | None:
    """Return when the version of an entry was made; None if there are no versions."""
    created = entry.metadata.reveal().get("created_time")
    try:
        return from_rfc3339(created) if isinstance(created, str) else None
    except ValueError:
        return None


def _visible(prepared: Prepared, entry: Entry) -> TemplateInput:
    return TemplateInput(
        secrets=entry.data,
        metadata=entry.metadata,
        annotations=prepared.annotations or {},
        labels=prepared.labels or {},
    )
