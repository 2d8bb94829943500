"""The keyed digest by which the data of two Secrets is compared.

It is HMAC-SHA256 over what Go's `json.Marshal(map[string][]byte)` prints: keys
sorted by their bytes and escaped as Go does, values in standard base64, no
spaces, `{}` for no data. With the operator's own key it is also the MAC that
upstream keeps in `status.secretMAC`.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping

from vso_controller.foundation import gojson


def digest_of(data: Mapping[str, bytes], key: bytes) -> bytes:
    """Return the 32 bytes of the keyed digest of `data`."""
    parts = [
        b'%b:"%b"' % (gojson.dumps(name), b64encode(data[name]))
        for name in sorted(data, key=str.encode)
    ]
    return hmac.digest(key, b"{%b}" % b",".join(parts), hashlib.sha256)
