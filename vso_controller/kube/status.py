"""Writing the status of custom resources, each on the version it was made for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vso_controller.foundation.objects import Envelope, ResourceType
from vso_controller.kube.calls import MERGE_PATCH, Call, Verb, object_target
from vso_controller.kube.decoding import EnvelopeDecoder
from vso_controller.kube.session import ApiSession


class StatusWriter:
    """Writes the `status` subresource."""

    def __init__(self, *, session: ApiSession) -> None:
        self._session = session
        self._decoder = EnvelopeDecoder()

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
