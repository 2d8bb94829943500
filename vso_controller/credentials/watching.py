"""The Secrets that sessions log in with, followed by their versions.

A Secret that changes, appears or goes has the sessions looked at that use it, and no
other. Where it cannot be watched, a login that failed is tried again after its rest.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Protocol

from vso_controller.foundation.objects import ObjectKey


class Followed(Protocol):
    """Watches the versions of Secrets, one namespace at a time."""

    def store(self, scope: str, *, user: Hashable) -> object: ...
    def release(self, scope: str, *, user: Hashable) -> None: ...


class CredentialSecrets:
    """Knows which sessions use which Secret."""

    def __init__(self, *, versions: Followed) -> None:
        self._versions = versions
        self._sessions: dict[ObjectKey, set[ObjectKey]] = {}

    def follow(self, secret: ObjectKey | None, *, session: ObjectKey) -> None:
        """Have the Secret watched as long as the session uses it."""
        if secret is None:
            return
        self._sessions.setdefault(secret, set()).add(session)
        self._versions.store(secret.namespace, user=_user(session))

    def release(self, secret: ObjectKey | None, *, session: ObjectKey) -> None:
        """Let go of what the session followed."""
        if secret is None:
            return
        sessions = self._sessions.get(secret, set())
        sessions.discard(session)
        if not sessions:
            self._sessions.pop(secret, None)
        self._versions.release(secret.namespace, user=_user(session))

    def sessions_of(self, secret: ObjectKey) -> Collection[ObjectKey]:
        """Return the names of the sessions that use the Secret."""
        return tuple(self._sessions.get(secret, ()))


def _user(session: ObjectKey) -> Hashable:
    # Resources are users of the same watches, by their plain keys.
    return "session", session
