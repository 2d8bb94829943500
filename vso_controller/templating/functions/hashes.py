"""Checksums and hashes, in hexadecimal but for Adler-32."""

from __future__ import annotations

import hashlib
import zlib

from vso_controller.templating.functions.paying import reading
from vso_controller.templating.values import raw

_ONE = "(string) string"
_WEIGHT = 4


@reading("sha1sum", _ONE, weight=_WEIGHT)
def sha1sum(string: str) -> str:
    """Return the SHA-1 hash of the text. Not for secrets."""
    return hashlib.sha1(raw(string), usedforsecurity=False).hexdigest()


@reading("sha256sum", _ONE, weight=_WEIGHT)
def sha256sum(string: str) -> str:
    """Return the SHA-256 hash of the text."""
    return hashlib.sha256(raw(string)).hexdigest()


@reading("sha512sum", _ONE, weight=_WEIGHT)
def sha512sum(string: str) -> str:
    """Return the SHA-512 hash of the text."""
    return hashlib.sha512(raw(string)).hexdigest()


@reading("adler32sum", _ONE)
def adler32sum(string: str) -> str:
    """Return the Adler-32 checksum of the text, in decimal."""
    return str(zlib.adler32(raw(string)))


FUNCTIONS = (sha1sum, sha256sum, sha512sum, adler32sum)
