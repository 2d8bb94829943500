"""Keeps the token of one session: looks for it once, stores what a login brought.

What is wrong with a stored token never keeps anybody from working: it is told, taken
away, and there is a login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from vso_controller.credentials.encryption import Sealed
from vso_controller.credentials.entries import Entries
from vso_controller.credentials.logins import IdentityLogin
from vso_controller.domain import login as described
from vso_controller.domain.cachekey import cache_key
from vso_controller.domain.clientcache import (
    Entry,
    Origin,
    Part,
    Sign,
    Wanted,
    decode_login,
    encode_login,
    entry_key,
    flaw_of,
    login_digest,
    payload_of,
    sealed_by,
)
from vso_controller.domain.reasons import Refusal
from vso_controller.foundation.errors import OperationFailed, Transient
from vso_controller.foundation.objects import OpenSecret
from vso_controller.foundation.secret import Secret
from vso_controller.vault.ports import LoginRequest
from vso_controller.vault.requests import VaultReply

RECALL_PATIENCE = 5.0
"""Seconds that looking for a token may take: else a transit engine that is slow would
hold up those whose own Vault is not."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Outcome(StrEnum):
    """What came of looking for a token, beside the flaws of `domain.clientcache`."""

    RESTORED = "restored"
    ABSENT = "absent"
    REFUSED = "refused"
    """Vault does not take it any more: it ended, or was revoked."""
    UNDECRYPTABLE = "undecryptable"
    UNREADABLE = "unreadable"
    """It was decrypted, or is plain, and is no answer to a login."""
    FAILED = "failed"
    """Nobody could say: the API server or the transit engine did not answer."""


class Encryptor(Protocol):
    """Encrypts what is stored."""

    async def seal(self, plaintext: Secret[bytes]) -> Sealed: ...
    async def unseal(self, sealed: Sealed) -> Secret[bytes]: ...


class RestoreObserver(Protocol):
    """Counts what came of looking for tokens."""

    def session_looked_up(self, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """The identity whose token is kept."""

    auth: Part
    connection: Part
    namespace: str  # of what provides the credentials
    described: described.Login
    login: IdentityLogin
    is_inherited: bool = False  # whether the VaultAuth says less than that

    def cache_key(self) -> str:
        """Return the cache key; "" before the credentials were first fetched."""
        uid = self.login.source.provider_uid
        if not uid:
            return ""
        return cache_key(
            self.login.name,
            auth_uid=self.auth.uid,
            auth_generation=self.auth.generation,
            connection_uid=self.connection.uid,
            connection_generation=self.connection.generation,
            provider_uid=uid,
        )

    def origin(self) -> Origin:
        """Return what the labels of the entry say."""
        return Origin(
            cache_key=self.cache_key(),
            auth=self.auth,
            connection=self.connection,
            provider_namespace=self.namespace,
            provider_uid=self.login.source.provider_uid,
        )

    def digest(self, sign: Sign, shown: LoginRequest) -> str:
        """Return the digest of a login with what was shown."""
        source = self.login.source
        is_lasting = source.secret is not None or source.needs_looking
        body = shown.body.reveal() if is_lasting else None
        return login_digest(sign, self.cache_key(), self.described, body)


@dataclass(frozen=True, slots=True)
class Archive:
    """Where entries are, and what is done to them there. Shared by all keepers."""

    namespace: str
    entries: Entries
    sign: Sign
    encryptor: Encryptor | None  # None: entries are plain
    observer: RestoreObserver
    store: Callable[[Entry], None]
    """Has an entry stored, soon."""
    remove: Callable[[str, OpenSecret], None]
    """Has the entry of a cache key removed, soon, as it was found."""
    claim: Callable[[SessionKeeper, str], None]
    """Learns whose the entry of a cache key is."""


class SessionKeeper:
    """The TokenKeeper of one session."""

    def __init__(self, *, kept: Kept, archive: Archive) -> None:
        self._kept = kept
        self._archive = archive
        self._found: OpenSecret | None = None
        self._has_looked = False

    async def recall(self, shown: LoginRequest) -> Secret[str] | None:
        """Return the token that is stored for such a login, the first time alone."""
        if self._has_looked or not self._kept.cache_key():
            return None
        try:
            async with asyncio.timeout(RECALL_PATIENCE):
                return await self._recall(shown)
        except (OperationFailed, TimeoutError) as error:
            self._ignore(Outcome.FAILED, str(error) or "it took too long")
            return None

    def resumed(self) -> None:
        """Take note that the token is in use."""
        self._has_looked = True
        key = self._kept.cache_key()
        self._archive.claim(self, key)
        self._archive.observer.session_looked_up(Outcome.RESTORED)
        log.info("session_restored", cache_key=key)

    def refused(self, why: str) -> None:
        """Take note that Vault does not take the token any more."""
        self._ignore(Outcome.REFUSED, why, remove=True)

    def logged_in(self, shown: LoginRequest, reply: VaultReply) -> None:
        """Have the token stored, if it can be renewed."""
        auth = reply.member("auth")
        key = self._kept.cache_key()
        if not key or auth is None or auth.reveal().get("renewable") is not True:
            return
        self._archive.claim(self, key)
        self._archive.store(
            Entry(
                origin=self._kept.origin(),
                payload=encode_login(reply.document),
                login_digest=self._kept.digest(self._archive.sign, shown),
            ),
        )

    async def _recall(self, shown: LoginRequest) -> Secret[str] | None:
        archive, origin = self._archive, self._kept.origin()
        key = entry_key(archive.namespace, origin.cache_key)
        found = self._found = await archive.entries.find(key)
        if found is None:
            self._has_looked = True
            archive.observer.session_looked_up(Outcome.ABSENT)
            return None
        wanted = Wanted(
            origin=origin,
            login_digest=self._kept.digest(archive.sign, shown),
            needs_digest=self._kept.is_inherited,
            encrypted=archive.encryptor is not None,
        )
        flaw = flaw_of(found, wanted, sign=archive.sign)
        if flaw is not None:
            self._ignore(flaw, "it is not what was stored for this", remove=True)
            return None
        payload = await self._opened(found)
        token = None if payload is None else decode_login(payload)
        if payload is not None and token is None:
            self._ignore(Outcome.UNREADABLE, "it holds no token", remove=True)
        return token

    async def _opened(self, found: OpenSecret) -> Secret[bytes] | None:
        payload, encryptor = payload_of(found), self._archive.encryptor
        if encryptor is None:
            return payload
        try:
            return await encryptor.unseal(Sealed(payload, sealed_by(found)))
        except (Transient, Refusal):
            raise  # it may be of use to the next process
        except OperationFailed as error:
            self._ignore(Outcome.UNDECRYPTABLE, str(error), remove=True)
            return None

    def _ignore(self, outcome: StrEnum, why: str, *, remove: bool = False) -> None:
        self._has_looked = True
        self._archive.observer.session_looked_up(outcome)
        log.warning(
            "session_not_restored",
            cache_key=self._kept.cache_key(),
            outcome=str(outcome),
            error=why,
        )
        if remove and self._found is not None:
            self._archive.remove(self._kept.cache_key(), self._found)
        self._found = None
