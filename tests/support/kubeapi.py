"""A plain client of a Kubernetes API server, for tests that look at its answers.

Nothing is interpreted: a refusal is an `Answer` like any other. No retries.
"""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

Object = dict[str, Any]

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

_PATIENCE = 15.0  # seconds, for an answer or an event


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `body` is {} when it was not a JSON object."""

    status: int
    body: Object
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        """The reason of a Status, "" where there is none."""
        return str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        """The message of a Status, "" where there is none."""
        return str(self.body.get("message", ""))

    @property
    def metadata(self) -> Object:
        """The metadata of the object or list."""
        return dict(self.body["metadata"])

    @property
    def names(self) -> list[str]:
        """The names of the items of a list."""
        return [item["metadata"]["name"] for item in self.body["items"]]

    @property
    def causes(self) -> list[tuple[str, str]]:
        """Reason and field of each cause of a Status."""
        causes = self.body.get("details", {}).get("causes", [])
        return [(cause["reason"], cause["field"]) for cause in causes]


class Watch:
    """The events of a watch, one after the other."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status

    async def next(self) -> Object | None:
        """Return the next event, None when the server has ended the watch."""
        async with asyncio.timeout(_PATIENCE):
            line = await self._response.content.readline()
        return json.loads(line) if line else None

    async def take(self, count: int) -> list[Object]:
        """Return the next `count` events that are not bookmarks."""
        taken: list[Object] = []
        while len(taken) < count:
            event = await self.next()
            assert event is not None, f"the watch ended after {taken}"
            if event["type"] != "BOOKMARK":
                taken.append(event)
        return taken

    async def rest(self) -> list[Object]:
        """Return all events up to the end of the watch."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


class KubeApi:
    """Sends requests as the owner of `token`."""

    def __init__(
        self, *, session: aiohttp.ClientSession, url: str, token: str | None
    ) -> None:
        self._session = session
        self._url = url
        self._token = token

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, *, url: str, ca_pem: str, token: str
    ) -> AsyncIterator[KubeApi]:
        """Connect for the length of the `async with` block."""
        tls = ssl.create_default_context(cadata=ca_pem)
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        # A large object is one line of a watch.
        async with aiohttp.ClientSession(
            connector=connector, read_bufsize=4 * 1024 * 1024
        ) as session:
            yield cls(session=session, url=url, token=token)

    def acting_as(self, token: str | None) -> KubeApi:
        """Return a client over the same connections with another token, or none."""
        return KubeApi(session=self._session, url=self._url, token=token)

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        **query: str,
    ) -> Answer:
        """Send one request. A `body` of bytes is sent as it is, else as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        # aiohttp warns of large bodies given as bytes, not as a file.
        stream = None if data is None else io.BytesIO(data)
        headers = self._headers(accept) | {"Content-Type": content_type}
        async with (
            asyncio.timeout(_PATIENCE),
            self._session.request(
                method, self._at(path), data=stream, headers=headers, params=query
            ) as response,
        ):
            text = await response.text()
        return Answer(response.status, _as_object(text), response.headers)

    async def get(self, path: str, *, accept: str = JSON, **query: str) -> Answer:
        """Get an object, a list or a document."""
        return await self.request("GET", path, accept=accept, **query)

    async def create(self, path: str, body: object, **query: str) -> Answer:
        """Post an object to a collection."""
        return await self.request("POST", path, body, **query)

    async def update(self, path: str, body: object, **query: str) -> Answer:
        """Put an object in place of another."""
        return await self.request("PUT", path, body, **query)

    async def patch(
        self, path: str, patch: object, *, content_type: str = MERGE_PATCH, **query: str
    ) -> Answer:
        """Patch an object."""
        return await self.request(
            "PATCH", path, patch, content_type=content_type, **query
        )

    async def delete(self, path: str, options: object = None, **query: str) -> Answer:
        """Delete an object or a collection."""
        return await self.request("DELETE", path, options, **query)

    @asynccontextmanager
    async def watch(
        self, path: str, *, accept: str = JSON, **query: str
    ) -> AsyncIterator[Watch]:
        """Watch a collection for the length of the `async with` block."""
        async with self._session.get(
            self._at(path),
            params={"watch": "true", **query},
            headers=self._headers(accept),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            yield Watch(response)

    def _at(self, path: str) -> URL:
        return URL(self._url + path, encoded=True)

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers


def _as_object(text: str) -> Object:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
