"""Writing status and finalizers of custom resources, on the version they are made for.

Who meets a conflict reads the resource live, over the same connections: the store
may not have come to what it conflicted with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from vso_controller.foundation.objects import Envelope, ObjectKey, ResourceType
from vso_controller.kube.calls import (
    MERGE_PATCH,
    Call,
    Target,
    Verb,
    object_target,
)
from vso_controller.kube.decoding import EnvelopeDecoder
from vso_controller.kube.errors import NotFound
from vso_controller.kube.session import ApiSession


class StatusWriter:
    """Writes the `status` subresource, and `metadata.finalizers`."""

    def __init__(self, *, session: ApiSession) -> None:
        self._session = session
        self._decoder = EnvelopeDecoder()

    async def current(self, resource: ResourceType, key: ObjectKey) -> Envelope | None:
        """Return the resource as it is now, None if there is none."""
        call = Call(verb=Verb.GET, target=object_target(resource, key), repeatable=True)
        try:
            return self._decoder.item(await self._session.request(call))
        except NotFound:
            return None

    async def write(
        self,
        resource: ResourceType,
        envelope: Envelope,
        status: Mapping[str, object],
    ) -> Envelope:
        """Merge `status` into the object that was seen as `envelope`.

        As in any merge patch, None removes a field, a list replaces a list, and
        what is not named stays. Returns the object as it is then. Raises
        Conflict when it changed since it was seen.
        """
        document = {"metadata": _fence(envelope), "status": dict(status)}
        target = object_target(resource, envelope.key, "status")
        return await self._patch(target, document)

    async def write_finalizers(
        self, resource: ResourceType, envelope: Envelope, finalizers: Sequence[str]
    ) -> Envelope:
        """Put `finalizers` in the place of those that were seen.

        Returns the object as it is then, or was last. Raises Conflict when it changed
        since it was seen.
        """
        metadata = _fence(envelope) | {"finalizers": list(finalizers)}
        target = object_target(resource, envelope.key)
        return await self._patch(target, {"metadata": metadata})

    async def _patch(self, target: Target, document: Mapping[str, object]) -> Envelope:
        call = Call(
            verb=Verb.PATCH,
            target=target,
            repeatable=False,
            body=msgspec.json.encode(document),
            content_type=MERGE_PATCH,
        )
        return self._decoder.item(await self._session.request(call))


def _fence(envelope: Envelope) -> dict[str, object]:
    return {"uid": envelope.uid, "resourceVersion": envelope.resource_version}
