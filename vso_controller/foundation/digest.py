"""The keyed digest by which the data of two Secrets is compared.

It is HMAC-SHA256 over what Go's `json.Marshal(map[string][]byte)` prints: keys
sorted by their bytes and escaped as Go does, values in standard base64, no
spaces, `{}` for no data. With the operator's key it is the MAC that upstream keeps
in `status.secretMAC`, where it is written in standard base64.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

from vso_controller.foundation import gojson
from vso_controller.foundation.secret import Secret

Digest = Callable[[Mapping[str, bytes]], bytes]
"""Digests the data of a Secret, with a key that its caller need not know."""


def digest_of(data: Mapping[str, bytes], key: bytes) -> bytes:
    """Return the 32 bytes of the keyed digest of `data`."""
    parts = [
        b'%b:"%b"' % (gojson.dumps(name), b64encode(data[name]))
        for name in sorted(data, key=str.encode)
    ]
    return hmac.digest(key, b"{%b}" % b",".join(parts), hashlib.sha256)


def digest_with(key: Secret[bytes]) -> Digest:
    """Return what makes digests with `key`."""
    return lambda data: digest_of(data, key.reveal())


def no_digest(_: Mapping[str, bytes]) -> bytes:
    """Stand in where nobody compares what is read."""
    return b""


def to_mac(digest: bytes) -> str:
    """Return the digest as a status holds it."""
    return b64encode(digest).decode()


def from_mac(mac: str | None) -> bytes:
    """Return the digest that a status holds, b"" if it holds none that can be read."""
    try:
        return b64decode(mac or "", validate=True)
    except ValueError:
        return b""
