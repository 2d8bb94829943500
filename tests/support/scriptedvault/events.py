"""The event stream of Vault Enterprise: a websocket that tells of changed secrets.

Sources: "Event notifications" of Vault's concepts (types, format, subscription,
policies) and "events" of its commands (patterns, namespaces, filters). Delivery is
best effort there, and so it is here: `cut` and `hang_up` lose what is on its way.
The protobuf form and filter expressions are not scripted and refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from uuid import uuid4

from aiohttp import WSCloseCode, web

from tests.support.scriptedvault.consistency import encode
from tests.support.scriptedvault.keyvalue import Change
from tests.support.scriptedvault.messages import Asked, Document, Said, refusal

PATH = "sys/events/subscribe/"


@dataclass(frozen=True, slots=True, eq=False)
class _Subscription:
    pattern: str
    namespaces: tuple[str, ...]  # patterns of full paths
    socket: web.WebSocketResponse
    request: web.BaseRequest
    pending: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def wants(self, event_type: str, namespace: str) -> bool:
        return fnmatchcase(event_type, self.pattern) and any(
            fnmatchcase(namespace, pattern) for pattern in self.namespaces
        )


class EventStream:
    """All subscriptions of one Vault. Not `is_enabled`: it knows no such path."""

    def __init__(self, *, now: Callable[[], str]) -> None:
        self._now = now
        self._subscriptions: set[_Subscription] = set()
        self._changed = asyncio.Condition()
        self.is_enabled = True

    async def wait_subscribers(self, count: int) -> None:
        """Wait until there are `count` subscriptions."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._subscriptions) == count)

    def tell(self, change: Change) -> None:
        """Tell whom it concerns that a secret has changed."""
        event = event_about(change, now=self._now())
        self.publish(event, namespace=change.namespace)

    def publish(self, event: Document, *, namespace: str = "") -> None:
        """Send an event of whatever form to those who want its type."""
        self._send(json.dumps(event), event["data"]["event_type"], namespace)

    def babble(self, text: str) -> None:
        """Send every subscriber a text that may be no event at all."""
        for subscription in self._subscriptions:
            subscription.pending.put_nowait(text)

    def cut(self) -> None:
        """Break all connections without a word."""
        for subscription in self._subscriptions:
            if subscription.request.transport is not None:
                subscription.request.transport.abort()

    async def hang_up(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close all subscriptions as the protocol wants it."""
        for subscription in tuple(self._subscriptions):
            await subscription.socket.close(code=code)

    def refused(self, asked: Asked) -> Said | None:
        """Return why this is no subscription; None if it is one."""
        if not self.is_enabled:
            return refusal(404, f'no handler for route "{asked.path}"')
        if asked.query.get("json") != "true":
            return refusal(400, "events are scripted as JSON only")
        if "filter" in asked.query:
            return refusal(400, "filters are not scripted")
        return None

    async def serve(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        """Send events until either side has enough."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        subscription = _Subscription(
            pattern=asked.path.removeprefix(PATH),
            namespaces=_namespaces(asked),
            socket=socket,
            request=request,
        )
        try:
            await self._note(self._subscriptions.add, subscription)
            await _converse(subscription)
        finally:
            await self._note(self._subscriptions.discard, subscription)
        return socket

    async def _note(
        self, change: Callable[[_Subscription], None], subscription: _Subscription
    ) -> None:
        change(subscription)
        async with self._changed:
            self._changed.notify_all()

    def _send(self, text: str, event_type: str, namespace: str) -> None:
        for subscription in self._subscriptions:
            if subscription.wants(event_type, namespace):
                subscription.pending.put_nowait(text)


def event_about(change: Change, *, now: str) -> dict[str, object]:
    """Return the CloudEvent of a change."""
    number = str(uuid4())
    path = f"{change.mount}/{change.path}"
    metadata = {
        "modified": "true",
        "operation": change.operation,
        "path": path,
        "vault_index": encode(change.written),
    }
    if change.operation.endswith("write"):
        metadata["data_path"] = path
    if change.engine_version > 1:
        metadata["current_version"] = str(change.current_version)
        metadata["oldest_version"] = "0"
    data: dict[str, object] = {
        "event": {"id": number, "metadata": metadata},
        "event_type": f"kv-v{change.engine_version}/{change.operation}",
        "plugin_info": {
            "mount_class": "secret",
            "mount_accessor": "kv_5dc4d18e",
            "mount_path": f"{change.mount}/",
            "plugin": "kv",
            "version": str(change.engine_version),
        },
    }
    if change.namespace:
        data["namespace"] = f"{change.namespace}/"
    return {
        "id": number,
        "source": "vault://scripted",
        "specversion": "1.0",
        "type": "*",
        "data": data,
        "datacontenttype": "application/cloudevents",
        "time": now,
    }


def _namespaces(asked: Asked) -> tuple[str, ...]:
    """Return the subscriber's own namespace and the children it asks for."""
    children = asked.query.getall("namespaces", [])
    below = (f"{asked.namespace}/{child}".strip("/") for child in children)
    return (asked.namespace, *below)


async def _converse(subscription: _Subscription) -> None:
    async with asyncio.TaskGroup() as group:
        sender = group.create_task(_send_all(subscription))
        async for _ in subscription.socket:
            pass  # a subscriber has nothing to say
        sender.cancel()


async def _send_all(subscription: _Subscription) -> None:
    with suppress(ConnectionError):  # it went away
        while True:
            await subscription.socket.send_str(await subscription.pending.get())
