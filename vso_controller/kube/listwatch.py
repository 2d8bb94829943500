"""The pages and the watch of one resource, from which a reflector feeds a store.

Versions are passed through as given: "" is the most recent, "0" whatever the
server has at hand, any other "not older than this". Going on after an error,
relisting and resuming are the reflector's; here a 410 is an Expired and a broken
stream a ConnectionFailed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Generic

from vso_controller.foundation.listwatch import Page, WatchEvent
from vso_controller.foundation.objects import ResourceType
from vso_controller.kube.calls import JSON, MEBIBYTE, Call, Target, Verb
from vso_controller.kube.decoding import Decoder, V, watch_event
from vso_controller.kube.session import ApiSession

PAGE_SIZE = 500
ANY_VERSION = "0"
LIST_TIMEOUT = 60.0  # seconds for one page
# How much longer than it was asked to a server may keep a watch open, in seconds.
WATCH_GRACE = 10.0
# A list from the server's cache (version "0") comes as one page, whatever its size.
_LARGEST_PAGE = 256 * MEBIBYTE
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class ResourceListWatch(Generic[V]):
    """Lists and watches the objects of one resource.

    `namespace` "" means all of them, `label_selector` "" every object, `name` "" any
    name. With `metadata_only` the server leaves everything else out.
    """

    def __init__(
        self,
        *,
        session: ApiSession,
        resource: ResourceType,
        decoder: Decoder[V],
        namespace: str = "",
        label_selector: str = "",
        name: str = "",
        metadata_only: bool = False,
    ) -> None:
        self._session = session
        self._decoder = decoder
        self._target = Target(resource, namespace)
        self._scope = {"labelSelector": label_selector} if label_selector else {}
        if name:
            # By this, an access rule that names the object is enough.
            self._scope["fieldSelector"] = f"metadata.name={name}"
        self._list_as = _METADATA_LIST if metadata_only else JSON
        self._watch_as = _METADATA if metadata_only else JSON

    async def list_page(self, *, resource_version: str, continue_token: str) -> Page[V]:
        """Fetch one page; the first one when `continue_token` is "".

        A continue token carries its version, so `resource_version` counts for
        the first page alone.
        """
        query = {**self._scope, "limit": str(PAGE_SIZE)}
        if continue_token:
            query["continue"] = continue_token
        elif resource_version:
            query["resourceVersion"] = resource_version
            if resource_version != ANY_VERSION:
                # Without it, a limit turns the version into "exactly this one".
                query["resourceVersionMatch"] = "NotOlderThan"
        document = await self._session.request(
            Call(
                verb=Verb.LIST,
                target=self._target,
                repeatable=True,
                query=query,
                accept=self._list_as,
                timeout=LIST_TIMEOUT,
                largest_answer=_LARGEST_PAGE,
            )
        )
        return self._decoder.page(document)

    def watch(
        self, *, resource_version: str, timeout: float, initial_events: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[V]]]:
        """Watch from `resource_version` on; the server ends it after `timeout` s.

        A server that does not is dead: 10 s later ConnectionFailed is raised. With
        `initial_events` the watch begins with what there is (a streaming list).
        """
        query = {
            **self._scope,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(timeout))),
        }
        if resource_version:
            query["resourceVersion"] = resource_version
        if initial_events:
            query["sendInitialEvents"] = "true"
            # A server that does not know the parameter above refuses this one. Alone,
            # the other would be ignored, and its closing bookmark awaited in vain.
            query["resourceVersionMatch"] = "NotOlderThan"
        call = Call(
            verb=Verb.WATCH,
            target=self._target,
            repeatable=True,
            query=query,
            accept=self._watch_as,
            timeout=timeout + WATCH_GRACE,
        )
        return self._stream(call)

    @asynccontextmanager
    async def _stream(self, call: Call) -> AsyncIterator[AsyncIterator[WatchEvent[V]]]:
        async with (
            self._session.stream(call) as lines,
            aclosing(self._events(lines, str(call))) as events,
        ):
            yield events

    async def _events(
        self, lines: AsyncIterator[bytes], call: str
    ) -> AsyncGenerator[WatchEvent[V]]:
        async for line in lines:
            yield watch_event(line, self._decoder, call=call)
