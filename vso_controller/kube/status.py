"""Writing the status of custom resources, each on the version it was made for.

Who meets a conflict reads the resource live, over the same connections: the store
may not have come to what it conflicted with.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vso_controller.foundation.objects import Envelope, ObjectKey, ResourceType
from vso_controller.kube.calls import MERGE_PATCH, Call, Verb, object_target
from vso_controller.kube.decoding import EnvelopeDecoder
from vso_controller.kube.errors import NotFound
from vso_controller.kube.session import ApiSession


class StatusWriter:
    """Writes the `status` subresource."""

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
        metadata = {
            "uid": envelope.uid,
            "resourceVersion": envelope.resource_version,
        }
        call = Call(
            verb=Verb.PATCH,
            target=object_target(resource, envelope.key, "status"),
            repeatable=False,
            body=msgspec.json.encode({"metadata": metadata, "status": dict(status)}),
            content_type=MERGE_PATCH,
        )
        return self._decoder.item(await self._session.request(call))
