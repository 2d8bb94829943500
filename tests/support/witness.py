"""Sees every version of objects in a cluster, as everybody in it could.

A witness is an administrator with connections of its own, straight to the API
server. That is on purpose:

* it does not depend on the program under test, nor on the proxies in its way: what
  the program believes to have written is one thing, what was there is another;
* it watches. A poll sees some of the versions of an object and a snapshot the last
  one; a watch is told of each, so a Secret that was wrong for a millisecond was seen;
* it shows the objects to a `Viewer` at once and keeps none of them, so whoever looks
  decides what is remembered, and secrets need not be.

Where a watch could not go on from where it was (410), versions went unseen: `gaps`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from tests.support.background import alongside
from tests.support.conditions import NotYet, eventually
from tests.support.tls import trust

Manifest = dict[str, Any]

_LONGEST_EVENT = 4 * 1024 * 1024  # bytes
_PATIENCE = 10.0  # seconds
_REST = 0.1  # seconds before a watch that failed is begun again


@dataclass(frozen=True, slots=True)
class Collection:
    """The objects of one kind in all namespaces."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Sight:
    """One version of an object. `at` is seconds on the witness's clock."""

    at: float
    kind: str
    manifest: Manifest
    gone: bool  # it is the last


Viewer = Callable[[Sight], None]


class _Expired(Exception):
    """The server does not remember back to the version a watch asked for."""


class Witness:
    """Watches some collections."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        url: str,
        collections: Sequence[Collection],
        viewer: Viewer,
        clock: Callable[[], float],
    ) -> None:
        self.gaps = 0  # times that versions went unseen
        self._http = http
        self._url = url
        self._viewer = viewer
        self._clock = clock
        # Of each collection the metadata of what is there, by uid.
        self._known: dict[Collection, dict[str, Manifest]] = {
            collection: {} for collection in collections
        }

    @classmethod
    @asynccontextmanager
    async def watching(
        cls,
        *,
        url: str,
        ca_pem: str,
        token: str,
        collections: Sequence[Collection],
        viewer: Viewer,
    ) -> AsyncIterator[Witness]:
        """Watch for the length of the block, which begins with all that is there seen.

        An exception of the viewer ends the block.
        """
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust(ca_pem), limit=0),
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_PATIENCE),
            read_bufsize=_LONGEST_EVENT,
        ) as http:
            witness = cls(
                http=http,
                url=url,
                collections=collections,
                viewer=viewer,
                clock=asyncio.get_running_loop().time,
            )
            versions = [await witness._list(each) for each in collections]
            async with alongside(*map(witness._follow, collections, versions)):
                yield witness

    async def wait_caught_up(self) -> None:
        """Wait until all that is there now has been seen.

        Raises AssertionError if it is not in some seconds.
        """
        for collection in self._known:
            await eventually(partial(self._compare, collection), within=_PATIENCE)

    async def _compare(self, collection: Collection) -> None:
        items, _ = await self._items(collection)
        there = {_uid(each): _version(each) for each in items}
        known = self._known[collection]
        seen = {uid: _version(each) for uid, each in known.items()}
        if seen != there:
            missed = there.items() ^ seen.items()
            raise NotYet(f"of {collection.kind} these are still unseen: {missed}")

    async def _follow(self, collection: Collection, version: str) -> None:
        while True:
            try:
                version = await self._watch(collection, version)
            except _Expired:
                self.gaps += 1
                version = await self._list(collection)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(_REST)

    async def _list(self, collection: Collection) -> str:
        """See all that is there, and the end of what is not any more."""
        items, version = await self._items(collection)
        there = {_uid(each) for each in items}
        known = self._known[collection]
        for uid in known.keys() - there:
            self._see(collection, {"metadata": known[uid]["metadata"]}, gone=True)
        for each in items:
            uid = _uid(each)
            if uid not in known or _version(known[uid]) != _version(each):
                self._see(collection, each, gone=False)
        return version

    async def _items(self, collection: Collection) -> tuple[list[Manifest], str]:
        async with self._http.get(self._url + collection.path) as answer:
            answer.raise_for_status()
            document = await answer.json()
        return document["items"], document["metadata"]["resourceVersion"]

    async def _watch(self, collection: Collection, version: str) -> str:
        """See all changes after `version` until the server ends the watch."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
        }
        async with self._http.get(self._url + collection.path, params=query) as answer:
            if answer.status == 410:
                raise _Expired
            answer.raise_for_status()
            # A line without an end is an event that broke off: it will come again.
            while (line := await answer.content.readline()).endswith(b"\n"):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise _Expired
                manifest: Manifest = event["object"]
                version = _version(manifest)
                if event["type"] != "BOOKMARK":
                    self._see(collection, manifest, gone=event["type"] == "DELETED")
        return version

    def _see(self, collection: Collection, manifest: Manifest, *, gone: bool) -> None:
        known = self._known[collection]
        if gone:
            known.pop(_uid(manifest), None)
        else:
            known[_uid(manifest)] = {"metadata": manifest["metadata"]}
        self._viewer(Sight(self._clock(), collection.kind, manifest, gone))


def _uid(manifest: Manifest) -> str:
    uid: str = manifest["metadata"]["uid"]
    return uid


def _version(manifest: Manifest) -> str:
    version: str = manifest["metadata"]["resourceVersion"]
    return version
