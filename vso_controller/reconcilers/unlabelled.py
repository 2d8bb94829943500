"""Secrets without our labels that resources write to: those of users.

They are followed by their metadata alone, in the namespaces where a resource
refers to one. What was read of a Secret is good as long as its version stays,
so a Secret that nobody touches costs no request. Where the watch is not there
(yet), the Secret is read each time.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from typing import Protocol

from vso_controller.foundation.objects import (
    ObjectKey,
    ObjectVersion,
    ObservedSecret,
    SecretPatch,
)
from vso_controller.reconcilers.ports import Secrets, Write


class VersionStore(Protocol):
    """The versions of all Secrets of a namespace."""

    @property
    def has_synced(self) -> bool: ...
    def get(self, key: ObjectKey) -> ObjectVersion | None: ...
    def writing(
        self, key: ObjectKey
    ) -> AbstractContextManager[Write[ObjectVersion]]: ...


class VersionStores(Protocol):
    """A store of versions for each namespace that has a user."""

    def store(self, scope: str, *, user: Hashable) -> VersionStore: ...
    def release(self, scope: str, *, user: Hashable) -> None: ...
    def clear(self) -> None: ...


class UnlabelledSecrets:
    """Reads and patches Secrets of users, for one resource (`user`) each."""

    def __init__(self, *, versions: VersionStores, secrets: Secrets) -> None:
        self._versions = versions
        self._secrets = secrets
        # What was read or written last, by who did.
        self._known: dict[ObjectKey, ObservedSecret] = {}

    async def read(self, key: ObjectKey, *, user: ObjectKey) -> ObservedSecret | None:
        """Return the Secret, without a request if it is what it was."""
        store = self._versions.store(key.namespace, user=user)
        if store.has_synced:
            version = store.get(key)
            if version is None:
                return None
            known = self._known.get(user)
            if known is not None and version_of(known) == version:
                return known
        found = await self._secrets.read(key)
        self._remember(user, found)
        return found

    async def patch(self, patch: SecretPatch, *, user: ObjectKey) -> None:
        """Apply the patch, and know the Secret as it is then."""
        store = self._versions.store(patch.key.namespace, user=user)
        with store.writing(patch.key) as write:
            after = await self._secrets.patch(patch)
            self._remember(user, after)
            write.landed(version_of(after))

    def release(self, user: ObjectKey) -> None:
        """Let go of what `user` follows. It is no error if that is nothing."""
        self._known.pop(user, None)
        self._versions.release(user.namespace, user=user)

    def clear(self) -> None:
        """Let go of everything."""
        self._known.clear()
        self._versions.clear()

    def _remember(self, user: ObjectKey, secret: ObservedSecret | None) -> None:
        if secret is None:
            self._known.pop(user, None)
        else:
            self._known[user] = secret


def version_of(secret: ObservedSecret) -> ObjectVersion:
    """Return what a watch of metadata would tell of the Secret."""
    return ObjectVersion(secret.key, secret.uid, secret.resource_version)
