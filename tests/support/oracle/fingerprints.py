"""Names for secret values, by which they can be compared and not be known.

Equal values have equal fingerprints. The key is of this process alone, so nobody
who reads a log of fingerprints can try out guesses.

JSON objects and lists are compared by what they say, however they were printed:
Vault, the controller and this code each have a printer of their own.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping

Items = Mapping[str, str]
"""The data of a Secret: each key with the fingerprint of its value."""

RAW = "_raw"
"""The key under which a Secret holds all that Vault answered."""


class Fingerprints:
    """Makes fingerprints with one key."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else key

    def of(self, value: bytes) -> str:
        """Return the fingerprint of a value."""
        return hmac.digest(self._key, _canonical(value), "sha256").hex()[:32]

    def of_secret(self, data: Mapping[str, bytes]) -> Items:
        """Return the fingerprints of the data of a Kubernetes Secret.

        Of `_raw` only the entry counts: version 2 of the key-value engine wraps it
        in metadata, which a writer does not know beforehand.
        """
        return {
            key: self.of(_unwrapped(value) if key == RAW else value)
            for key, value in data.items()
        }

    def of_entry(self, entry: Mapping[str, object]) -> Items:
        """Return what a Secret must hold once `entry` of Vault has become one."""
        items = {key: self.of(_as_bytes(value)) for key, value in entry.items()}
        return {**items, RAW: self.of(_as_bytes(entry))}


def _canonical(value: bytes) -> bytes:
    document = _parsed(value)
    if not isinstance(document, dict | list):
        return value
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _unwrapped(raw: bytes) -> bytes:
    match _parsed(raw):
        case {"data": dict(entry), "metadata": dict(), **rest} if not rest:
            return json.dumps(entry).encode()
        case _:
            return raw


def _parsed(value: bytes) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return None


def _as_bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
