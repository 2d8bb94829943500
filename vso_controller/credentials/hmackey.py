"""The key of all digests, as this process holds it.

Every replica learns it from its Secret by a watch; the leader sees to it that there is
one. The first key that was learned is used to the end of the process: whatever becomes
of the Secret meanwhile, digests go on to agree with those that statuses keep. A Secret
that is gone is made anew with the same key; what somebody else has put in its place is
reported and never overwritten, since other objects may depend on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

import structlog

from vso_controller.domain.hmackey import (
    KEY_BYTES,
    KeyStanding,
    explain,
    key_in,
    new_key_secret,
    standing,
)
from vso_controller.foundation.digest import digest_of
from vso_controller.foundation.errors import Invalid, OperationFailed
from vso_controller.foundation.objects import NewSecret, ObjectKey, OpenSecret
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import AlreadyExists
from vso_controller.runtime.backoff import Backoff

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

RandomBytes = Callable[[int], bytes]
"""Returns so many bytes that nobody can guess."""


class KeyStore(Protocol):
    """The store of the one Secret."""

    @property
    def has_synced(self) -> bool: ...
    async def wait_synced(self) -> None: ...
    def get(self, key: ObjectKey) -> OpenSecret | None: ...
    def add_handler(
        self, handler: Callable[[OpenSecret | None, OpenSecret | None], None]
    ) -> None: ...


class SecretCreator(Protocol):
    """Creates Secrets, if this process leads."""

    async def create(self, secret: NewSecret) -> object: ...


class KeyObserver(Protocol):
    """Is told what metrics say of the key."""

    def hmac_key_in_step(self, in_step: bool) -> None: ...


class KeyUnknown(Invalid):
    """A digest was asked for before the key was learned: a mistake in the wiring."""


class HmacKey:
    """See the module docstring for what this class promises."""

    def __init__(
        self,
        *,
        key: ObjectKey,
        store: KeyStore,
        secrets: SecretCreator,
        random_bytes: RandomBytes,
        backoff: Backoff,
        observer: KeyObserver,
    ) -> None:
        self._key = key
        self._store = store
        self._secrets = secrets
        self._random_bytes = random_bytes
        self._backoff = backoff
        self._observer = observer
        self._value: Secret[bytes] | None = None  # set once
        self._standing = KeyStanding.MISSING
        self._learned = asyncio.Event()
        self._changed = asyncio.Event()
        store.add_handler(self._see)

    async def wait_learned(self) -> None:
        """Wait until the key is known."""
        await self._learned.wait()

    def digest(self, data: Mapping[str, bytes]) -> bytes:
        """Return the digest of `data`. Raises KeyUnknown before the key was learned."""
        if self._value is None:
            raise KeyUnknown(f"the key in Secret {self._key} is not known yet")
        return digest_of(data, self._value.reveal())

    def sign(self, message: bytes) -> bytes:
        """Return HMAC-SHA256 of `message`. Raises KeyUnknown as `digest` does."""
        if self._value is None:
            raise KeyUnknown(f"the key in Secret {self._key} is not known yet")
        return hmac.digest(self._value.reveal(), message, hashlib.sha256)

    def not_ready(self) -> Iterator[str]:
        """Say why the key is not known, if it is not."""
        if self._value is not None:
            return
        if self._store.has_synced:
            yield explain(self._key, self._standing)
        else:
            yield f"Secret {self._key} has not been looked for yet"

    async def guard(self) -> None:
        """See to it that the Secret exists, until cancelled. For the leader alone."""
        await self._store.wait_synced()
        while True:
            self._changed.clear()
            rest = await self._create_if_missing()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._changed.wait()

    async def stand_in(self) -> None:
        """Go on with a key of our own where the Secret holds none. For an observer.

        It may not create the Secret. Without the key that digests in statuses were
        made with nothing is in step for it, so it asks Vault about everything once.
        """
        await self._store.wait_synced()
        if self._value is None:
            self._learn(Secret(self._random_bytes(KEY_BYTES)))

    async def _create_if_missing(self) -> float | None:
        """Return the seconds to the next try; None: when the Secret changes."""
        if self._store.get(self._key) is not None:
            return None
        value = self._value or Secret(self._random_bytes(KEY_BYTES))
        try:
            # A new key counts when the watch tells of it, as in every other replica.
            await self._secrets.create(new_key_secret(self._key, value))
        except AlreadyExists:
            return self._backoff.next_rest()  # the watch is about to tell
        except OperationFailed as error:
            rest = self._backoff.next_rest()
            log.warning("hmac_key_not_created", error=str(error), rest=round(rest, 3))
            return rest
        log.info("hmac_key_created", secret=str(self._key))
        return None

    def _see(self, _: OpenSecret | None, found: OpenSecret | None) -> None:
        self._changed.set()
        data = None if found is None else found.data
        if self._value is None and data is not None:
            self._learn(key_in(data))
        before, self._standing = self._standing, standing(data, used=self._value)
        self._observer.hmac_key_in_step(self._standing is KeyStanding.IN_STEP)
        if self._standing is not before:
            self._tell()

    def _learn(self, value: Secret[bytes] | None) -> None:
        if value is not None:
            self._value = value
            self._learned.set()

    def _tell(self) -> None:
        message = explain(self._key, self._standing)
        if self._standing is KeyStanding.IN_STEP:
            log.info("hmac_key_in_step", message=message)
        else:
            log.error("hmac_key_out_of_step", message=message)
