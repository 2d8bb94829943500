"""The stored tokens of sessions, as Secrets beside the controller.

Each is got by its name; all are listed only to be tidied up. None is ever changed: an
entry is replaced by deleting the one that was seen and creating another.
"""

from __future__ import annotations

from typing import Protocol

from vso_controller.foundation.errors import Gone
from vso_controller.foundation.listwatch import Page
from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    ObservedSecret,
    OpenSecret,
)
from vso_controller.kube.errors import AlreadyExists, Conflict

_ATTEMPTS = 5


class EntrySecrets(Protocol):
    """The Secrets of a cluster."""

    async def read_open(self, key: ObjectKey) -> OpenSecret: ...
    async def create(self, secret: NewSecret) -> object: ...
    async def delete(
        self, key: ObjectKey, *, uid: str, resource_version: str
    ) -> object: ...


class EntryPages(Protocol):
    """Lists the Secrets with the labels of entries."""

    async def list_page(
        self, *, resource_version: str, continue_token: str
    ) -> Page[ObservedSecret]: ...


class Entries:
    """Reads and writes entries. Raises the roots of `foundation.errors`."""

    def __init__(
        self, *, reads: EntrySecrets, writes: EntrySecrets, pages: EntryPages
    ) -> None:
        self._reads = reads
        self._writes = writes
        self._pages = pages

    async def find(self, key: ObjectKey) -> OpenSecret | None:
        """Return the entry `key`, None if there is none."""
        try:
            return await self._reads.read_open(key)
        except Gone:
            return None

    async def all(self) -> tuple[ObservedSecret, ...]:
        """Return all entries, without their values."""
        found: list[ObservedSecret] = []
        token = ""
        while True:
            page = await self._pages.list_page(
                resource_version="", continue_token=token
            )
            found += page.items
            token = page.continue_token
            if not token:
                return tuple(found)

    async def put(self, secret: NewSecret) -> None:
        """Have `secret` there, in the place of whatever was.

        Raises AlreadyExists if somebody else is faster each time.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                await self._writes.create(secret)
            except AlreadyExists:
                await self.remove(secret.key)
            else:
                return
        await self._writes.create(secret)

    async def remove(self, key: ObjectKey) -> None:
        """Delete the entry `key`, if there is one."""
        found = await self.find(key)
        if found is not None:
            await self.drop(found)

    async def drop(self, seen: OpenSecret | ObservedSecret) -> None:
        """Delete the entry that was seen; one that is another by now stays."""
        try:
            await self._writes.delete(
                seen.key, uid=seen.uid, resource_version=seen.resource_version
            )
        except (Conflict, Gone):
            return
