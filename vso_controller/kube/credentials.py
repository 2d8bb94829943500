"""Who we are to the API server, and how that is found out again.

Credentials age: a mounted token is replaced on disk, one of an exec plugin
expires. Sessions ask for them with each call, and again after a 401.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.secret import Secret
from vso_controller.kube.errors import BadConfiguration
from vso_controller.kube.tls import Tls

TOKEN_FILE_REST = 60.0  # seconds between two looks at a token file, as client-go's
EXPIRY_MARGIN = 60.0  # seconds before the end of a credential at which it is renewed
RELOAD_REST = 10.0  # seconds between two loads of a kubeconfig

log = structlog.get_logger(__name__)


class Credentials(Protocol):
    """Knows the value of the `Authorization` header."""

    async def authorization(self) -> Secret[str] | None:
        """Return it, or None where the client certificate must do."""
        ...

    async def refresh(self, *, refused: Secret[str] | None) -> None:
        """Find it out anew, unless that was done since `refused` was in use."""
        ...


class TokenFile:
    """The token that a kubelet mounts and replaces (a projected volume)."""

    def __init__(self, *, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._current: Secret[str] | None = None
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    async def authorization(self) -> Secret[str]:
        """Return the token, read again once a minute.

        Raises BadConfiguration if it could never be read.
        """
        async with self._lock:
            if self._current is None:
                self._current = await self._read()
            elif self._clock.monotonic() - self._read_at >= TOKEN_FILE_REST:
                self._current = await self._read_or(self._current)
            return self._current

    async def refresh(self, *, refused: Secret[str] | None) -> None:
        async with self._lock:
            if self._current is not None and self._current == refused:
                self._current = await self._read_or(self._current)

    async def _read_or(self, known: Secret[str]) -> Secret[str]:
        # A volume that is unreadable for a moment does not end the token we have.
        try:
            return await self._read()
        except BadConfiguration as error:
            log.warning("token_file_unreadable", error=str(error))
            return known

    async def _read(self) -> Secret[str]:
        self._read_at = self._clock.monotonic()
        try:
            text = await asyncio.to_thread(self._path.read_text, "ascii")
        except (OSError, ValueError) as error:
            raise BadConfiguration(f"token file {self._path}: {error}") from error
        if not text.strip():
            raise BadConfiguration(f"token file {self._path} is empty")
        return Secret(f"Bearer {text.strip()}")


@dataclass(frozen=True, slots=True)
class LoadedCredentials:
    """What one pass over a kubeconfig, its files and its plugin brought."""

    authorization: Secret[str] | None
    expires: float | None = None  # seconds since the epoch; None: not known
    certificate: Path | None = None
    certificate_key: Path | None = None


class ReloadedCredentials:
    """Credentials of a kubeconfig, loaded again when they end or are refused.

    Loading may run a program, so it has its rest whatever the server says. What
    cannot be loaded leaves the credentials as they are.
    """

    def __init__(
        self,
        *,
        loaded: LoadedCredentials,
        load: Callable[[], Awaitable[LoadedCredentials]],
        tls: Tls,
        clock: Clock,
    ) -> None:
        self._loaded = loaded
        self._load = load
        self._tls = tls
        self._clock = clock
        self._not_before = 0.0  # on the monotonic clock
        self._lock = asyncio.Lock()

    async def authorization(self) -> Secret[str] | None:
        async with self._lock:
            expires = self._loaded.expires
            if expires is not None and expires - EXPIRY_MARGIN <= self._clock.now():
                await self._reload()
            return self._loaded.authorization

    async def refresh(self, *, refused: Secret[str] | None) -> None:
        async with self._lock:
            if self._loaded.authorization == refused:
                await self._reload()

    async def _reload(self) -> None:
        now = self._clock.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + RELOAD_REST
        try:
            loaded = await self._load()
            await self._tls.present(loaded.certificate, loaded.certificate_key)
        except BadConfiguration as error:
            log.warning("credentials_not_reloaded", error=str(error))
            return
        self._loaded = loaded
