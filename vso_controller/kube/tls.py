"""Whom we trust at the API server and what we show it, as of the files on disk.

Certificates are replaced in place: a CA in the service account's volume, a client
certificate by who renews it. What changed serves new connections; those that are
open keep what they began with, and end by themselves (idle ones within half a
minute, watches at their timeout). Files that are no use are told of, and what was
read before stays.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from vso_controller.foundation.clock import Clock
from vso_controller.kube.errors import BadConfiguration

FILES_REST = 60.0  # seconds between two looks at the files while nothing is amiss

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where trust and the client certificate lie.

    No `authority` means that of the system, no `certificate` that we have none, no
    `key` that it is in the same file.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files there are to read."""
        several = (self.authority, self.certificate, self.key)
        return tuple(path for path in several if path is not None)


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: ssl.SSLContext
    fingerprint: bytes  # of the files it was made from


class Tls:
    """Makes a context for new connections, anew whenever the files have changed.

    Raises BadConfiguration if they are of no use from the beginning.
    """

    def __init__(self, *, files: TlsFiles, clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._loaded = _load(files)
        self._looked_at: float | None = None  # None: look with the next call
        self._lock = asyncio.Lock()

    async def context(self) -> ssl.SSLContext:
        """Return the context for a connection that is opened now."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._looked_at is None or now - self._looked_at >= FILES_REST:
                self._looked_at = now
                await self._look()
            return self._loaded.context

    def doubt(self) -> None:
        """Have the files looked at with the next call: they may have changed."""
        self._looked_at = None

    async def present(self, certificate: Path | None, key: Path | None) -> None:
        """Present another client certificate from now on. Raises BadConfiguration."""
        async with self._lock:
            files = replace(self._files, certificate=certificate, key=key)
            if files != self._files:
                self._loaded = await asyncio.to_thread(_load, files)
                self._files = files
            self.doubt()

    async def _look(self) -> None:
        try:
            if await asyncio.to_thread(_fingerprint, self._files) == (
                self._loaded.fingerprint
            ):
                return
            self._loaded = await asyncio.to_thread(_load, self._files)
        except BadConfiguration as error:
            log.warning("certificates_not_reloaded", error=str(error))
            return
        log.info("certificates_reloaded", files=list(map(str, self._files.paths)))


def _load(files: TlsFiles) -> _Loaded:
    # In this order: what changes in between is seen with the next look.
    fingerprint = _fingerprint(files)
    return _Loaded(_build(files), fingerprint)


def _fingerprint(files: TlsFiles) -> bytes:
    try:
        digests = [hashlib.sha256(path.read_bytes()).digest() for path in files.paths]
    except OSError as error:
        raise BadConfiguration(f"certificates: {error}") from error
    return b"".join(digests)


def _build(files: TlsFiles) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.authority)
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"CA file {files.authority}: {error}") from error
    # As Go does: an intermediate may be the anchor, and clusters made by hand
    # lack the key identifiers that Python 3.13 began to ask for.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.certificate is not None:
        _present(context, files.certificate, files.key)
    return context


def _present(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"client certificate: {error}") from error


def _no_password() -> str:
    # Without it, OpenSSL would ask the terminal for the password of a locked key.
    raise ValueError("its key has a password")
